"""This model must pass the platform's quality gate."""

from isthmus.deploy.gates.quality import gate

__all__ = ["gate"]
