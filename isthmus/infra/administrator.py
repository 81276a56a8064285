"""Whoever administers an account: clients of AWS' services there, as what they are or by a role they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from isthmus.config.stages import ACCESS_ROLE

if TYPE_CHECKING:
    from isthmus.config import Platform
    from isthmus.infra.toolkit import Toolkit

# A client of an AWS service in the account, by the service's name.
Client = Callable[[str], Any]


def access_role_of(platform: Platform) -> str:
    """What administrators take in the accounts that Organizations made."""
    return platform.organization.access_role if platform.organization else ACCESS_ROLE


def administrator(toolkit: Toolkit, access_role: str) -> Client:
    """Clients in the account: the caller's own if they are in it, else those of the access role there."""
    import boto3

    from isthmus import aws

    session: Any = boto3.Session(region_name=toolkit.region)
    if session.client("sts").get_caller_identity()["Account"] != toolkit.account:
        session = aws.session(toolkit.region, toolkit.account, access_role)
    client: Client = session.client
    return client
