"""Clients of AWS, each made once in the life of a Lambda."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3


@cache
def client(service: str) -> Any:
    make: Any = boto3.client
    return make(service)
