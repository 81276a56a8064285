"""This model must pass the platform's fairness gate."""

from isthmus.deploy.gates.fairness import gate

__all__ = ["gate"]
