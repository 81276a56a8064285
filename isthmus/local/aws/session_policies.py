"""Policies that a session is narrowed by: refused where IAM's grammar has them not, and kept whoever assumes.

ministack takes documents that IAM does not, and forgets those of a web identity's session.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from ministack.services import sts

VERSIONS = ("2012-10-17", "2008-10-17")
DOCUMENT = {"Version", "Id", "Statement"}
STATEMENT = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_register, _validate = sts.register_session, sts.validate_policy_document
# Of the request that is answered.
_asked: ContextVar[dict[str, Any]] = ContextVar("isthmus_session_policies")


def install() -> None:
    sts.validate_policy_document = _wrong
    sts.register_session = _kept


def refused(role_arn: str, params: dict[str, Any]) -> Any:
    """STS's answer to a web identity whose policies it does not take; None where they narrow its session."""
    asked, answer = sts._session_policies(params, role_arn.split(":")[4])
    _asked.set(asked or {})
    return answer


def _kept(access_key: str, session: dict[str, Any]) -> None:
    asked = _asked.get({})
    _register(access_key, ({"SessionPolicies": asked} if any(asked.values()) else {}) | session)


def _wrong(policy: str) -> str | None:
    return next(_malformed(policy), None) or _validate(policy)


def _malformed(policy: str) -> Iterator[str]:
    """What IAM says of the document, in its words; nothing where it takes it."""
    try:
        document = json.loads(policy)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        yield "This policy contains invalid Json"
        return
    if document.get("Version", VERSIONS[1]) not in VERSIONS:
        yield "The policy must contain a valid version string"
    said = document.get("Statement")
    statements: list[Any] = said if isinstance(said, list) else [said]
    if document.keys() - DOCUMENT or not all(isinstance(each, dict) for each in statements):
        yield "Syntax errors in policy."
        return
    for each in statements:
        yield from _statement(each)


def _statement(said: dict[str, Any]) -> Iterator[str]:
    if said.keys() & {"Principal", "NotPrincipal"}:
        yield "Policy document should not specify a principal."
    if said.keys() - STATEMENT - {"Principal", "NotPrincipal"}:
        yield "Syntax errors in policy."
    for action in [*_texts(said.get("Action")), *_texts(said.get("NotAction"))]:
        if action != "*" and not re.fullmatch(r"[A-Za-z0-9-]+:\S+", action):
            yield "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    for resource in [*_texts(said.get("Resource")), *_texts(said.get("NotResource"))]:
        if resource != "*" and not resource.startswith("arn:"):
            yield f'Resource {resource} must be in ARN format or "*".'


def _texts(said: Any) -> list[str]:
    return [str(one) for one in (said if isinstance(said, list) else [said] if said is not None else [])]
