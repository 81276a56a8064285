"""Clients of AWS, kept between invocations. Of botocore, for all of boto3 takes a third longer to import."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session


@cache
def session() -> botocore.session.Session:
    """What the environment says: where AWS is, and who asks."""
    return botocore.session.get_session()


@cache
def client(service: str) -> Any:
    """A client of the service."""
    return session().create_client(service)
