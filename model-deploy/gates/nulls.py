"""This model must pass the platform's nulls gate."""

from isthmus.deploy.gates.nulls import gate

__all__ = ["gate"]
