"""Exceptions from the rules of cdk-nag: with a reason, and beside the resource."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import Construct


def excuse(construct: Construct, reason: str, rule: str) -> None:
    """Let `construct` break a rule of cdk-nag, because of `reason`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
