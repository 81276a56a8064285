"""Finds keys in templates whose policy would lock everybody out: no administrator could change it again.

KMS refuses some of these when the key is made; one that it lets pass is lost with all that it encrypts.
https://docs.aws.amazon.com/kms/latest/developerguide/prevent-unmanageable-key.html
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

CHANGE = "kms:putkeypolicy"
Statement = dict[str, Any]


def locked_out(template: dict[str, Any], account: str) -> Iterator[tuple[str, str]]:
    """The logical ids of keys that nobody of the account could administer, each with what is wrong."""
    for name, resource in template.get("Resources", {}).items():
        if resource.get("Type") in ("AWS::KMS::Key", "AWS::KMS::ReplicaKey"):
            why = _fault(resource.get("Properties", {}), account)
            if why:
                yield name, why


def _fault(properties: dict[str, Any], account: str) -> str:
    policy = properties.get("KeyPolicy")
    if properties.get("BypassPolicyLockoutSafetyCheck") is True:
        return "BypassPolicyLockoutSafetyCheck lets KMS take a policy that nobody can change"
    if policy is None:
        return ""  # KMS then gives the key to the account's root.
    about = [one for one in _listed(policy.get("Statement")) if _is_about_change(one)]
    if any(one["Effect"] == "Deny" and _is_everybody(one) for one in about):
        return "its policy denies everybody to change it"
    if not any(one["Effect"] == "Allow" and _is_root(one, account) for one in about):
        return "its policy lets the account's root not change it (kms:PutKeyPolicy, without a condition)"
    return ""


def _is_about_change(statement: Statement) -> bool:
    if "NotAction" in statement:
        return not _names_change(statement["NotAction"])
    return _names_change(statement.get("Action"))


def _names_change(actions: Any) -> bool:
    return any(fnmatchcase(CHANGE, action.lower()) for action in _listed(actions))


def _is_everybody(statement: Statement) -> bool:
    principal = statement.get("Principal")
    whole = principal == "*" or "*" in _listed((principal or {}).get("AWS"))
    return whole and not statement.get("Condition")


def _is_root(statement: Statement, account: str) -> bool:
    """The account itself, as ARN or number, whether written out or put together when deployed."""
    if statement.get("Condition") or "NotPrincipal" in statement:
        return False
    principal = statement.get("Principal")
    whom = ["*"] if principal == "*" else _listed((principal or {}).get("AWS"))
    own = (f"arn:aws:iam::{account}:root", account, "*")
    return any(one in own or (":root" in str(one) and "AWS::AccountId" in str(one)) for one in whom)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
