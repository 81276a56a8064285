"""Exceptions from cdk-nag's rules, each with its reason and beside the resource that it is for."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import Construct


def excuse(construct: Construct, reason: str, *rules: str) -> None:
    """Let `construct` break `rules`, because of `reason`."""
    Validations.of(construct).acknowledge(*(Acknowledgment(id=rule, reason=reason) for rule in rules))
