"""Which parameters a request to Parameter Store is about, where it does not give a single Name."""

from __future__ import annotations

from typing import Any


def arns(request: dict[str, Any], region: str, account: str) -> list[str]:
    """ARNs of what GetParameters and GetParametersByPath ask for; none for other requests."""
    named = request.get("Names") or [request.get("Path")]
    return [
        f"arn:aws:ssm:{region}:{account}:parameter/{name.strip('/')}"
        for name in named
        if isinstance(name, str) and name
    ]
