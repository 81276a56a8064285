"""What a policy document lets whom do, as far as its statements' principals, actions and ARNs say.

A doctor looks for what was forgotten: what a Deny takes away, and other conditions, are for AWS to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

Statement = dict[str, Any]


def allows(document: dict[str, Any] | None) -> list[Statement]:
    """The statements that allow something."""
    return [one for one in listed((document or {}).get("Statement")) if one.get("Effect") == "Allow"]


def lets(document: dict[str, Any] | None, role: str, action: str) -> bool:
    """Whether a resource's policy names the role of that ARN for that action."""
    return any(lets_do(one, action) and _names(one, role) for one in allows(document))


def granted(statements: list[Statement], *actions: str) -> Iterator[tuple[str, str]]:
    """Which of these actions a role's own statements let it do, each with the resource as it is written."""
    for statement in statements:
        for action in actions:
            if lets_do(statement, action):
                yield from ((action, str(resource)) for resource in listed(statement.get("Resource")))


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def lets_do(statement: Statement, action: str) -> bool:
    """Whether an action is among a statement's."""
    return any(fnmatchcase(action.lower(), str(one).lower()) for one in listed(statement.get("Action")))


def principals(statement: Statement, *kinds: str) -> list[str]:
    """Whom a statement is about, of these kinds (`AWS`, `Federated`), or of all; `*` is everybody."""
    whom = statement.get("Principal") or {}
    if whom == "*" or "NotPrincipal" in statement:
        return ["*"]
    return [str(one) for kind in kinds or whom for one in listed(whom.get(kind))]


def _names(statement: Statement, role: str) -> bool:
    account = role.split(":")[4]
    whom = principals(statement, "AWS")
    if role in whom:
        return True
    if not {f"arn:aws:iam::{account}:root", account, "*"} & set(whom):
        return False
    return all(
        any(fnmatchcase(role, str(pattern)) for pattern in listed(keys["aws:PrincipalArn"]))
        for keys in statement.get("Condition", {}).values()
        if "aws:PrincipalArn" in keys
    )
