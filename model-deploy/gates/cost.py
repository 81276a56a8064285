"""This model must pass the platform's cost gate."""

from isthmus.deploy.gates.cost import gate

__all__ = ["gate"]
