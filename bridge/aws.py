"""Clients of AWS, kept between invocations. Of botocore, for all of boto3 takes a third longer to import."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import botocore.session

# The least that AWS lends a role for, and what is left of it when it is asked for anew.
LENT_SECONDS, MARGIN_SECONDS = 900, 120
_lent: dict[tuple[str, str], tuple[float, Any]] = {}


@cache
def session() -> botocore.session.Session:
    """What the environment says: where AWS is, and who asks."""
    return botocore.session.get_session()


@cache
def client(service: str) -> Any:
    """A client of the service."""
    return session().create_client(service)


def client_as(role: str, service: str) -> Any:
    """A client of the service as that role, of another account."""
    until, found = _lent.get((role, service), (0.0, None))
    if time.time() > until:
        asked = {"RoleArn": role, "RoleSessionName": "isthmus-bridge", "DurationSeconds": LENT_SECONDS}
        lent = client("sts").assume_role(**asked)["Credentials"]
        found = session().create_client(
            service,
            aws_access_key_id=lent["AccessKeyId"],
            aws_secret_access_key=lent["SecretAccessKey"],
            aws_session_token=lent["SessionToken"],
        )
        _lent[role, service] = (time.time() + LENT_SECONDS - MARGIN_SECONDS, found)
    return found
