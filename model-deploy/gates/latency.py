"""This model must pass the platform's latency gate."""

from isthmus.deploy.gates.latency import gate

__all__ = ["gate"]
