"""This model must pass the platform's contract gate."""

from isthmus.deploy.gates.contract import gate

__all__ = ["gate"]
