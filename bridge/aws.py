"""Clients of AWS, kept between invocations."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3


@cache
def client(service: str) -> Any:
    """A client of the service; where it is, and who asks, the environment says."""
    return boto3.client(service)  # type: ignore[call-overload]
