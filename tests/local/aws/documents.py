"""Policy documents, short enough to be read in a test."""

from __future__ import annotations

import json


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str], **more: object) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(**principal: str) -> str:
    """A role's trust in an account (`AWS=...`) or a service (`Service=...`)."""
    return policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
