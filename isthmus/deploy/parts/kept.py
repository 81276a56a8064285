"""What CloudFormation leaves standing when a deployment replaces it: see `isthmus/deploy/leftovers.py`."""

from __future__ import annotations

from typing import TypeVar

from aws_cdk import CfnDeletionPolicy, CfnResource

Made = TypeVar("Made", bound=CfnResource)


def keep_when_replaced(made: Made) -> Made:
    """An endpoint may go back to it in silence; with the stack it goes all the same."""
    made.cfn_options.deletion_policy = CfnDeletionPolicy.DELETE
    made.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
    return made


def keep_when_removed(made: Made) -> Made:
    """It is in the template during a comparison only, and an endpoint may go back to it in silence."""
    made.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
    made.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
    return made
