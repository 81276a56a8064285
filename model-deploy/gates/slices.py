"""This model must pass the platform's slices gate."""

from isthmus.deploy.gates.slices import gate

__all__ = ["gate"]
