"""Credentials of execution roles, as AWS services get them for what they run, and what such a role may do."""

from __future__ import annotations

import json
import secrets
import time

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import request_scope
from ministack.services import iam, sts

from isthmus.errors import Refused

# What was given: by role, service, session, how long it lasts and for whom.
_given: dict[tuple[str, str, str, int, str], dict[str, str]] = {}


def service_credentials(
    role_arn: str,
    service: str,
    session: str,
    seconds: int = 3600,
    source_arn: str = "",
    source_identity: str = "",
) -> dict[str, str]:
    """A session of `role_arn` for `service` (sagemaker.amazonaws.com), as environment variables.

    `source_arn` is the resource on whose behalf the service acts, `source_identity` the person, where it has
    one. The same session is given again until half of its time is over. Raises `Refused`, worded as SageMaker
    does, where the role does not exist or does not (any more) trust the service.
    """
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    actions = ["sts:AssumeRole"] + ["sts:SetSourceIdentity"] * bool(source_identity)
    trust = (role or {}).get("AssumeRolePolicyDocument")
    if role is None or not all(_trusts(trust, role_arn, service, source_arn, one) for one in actions):
        raise Refused(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service}' to assume the role."
        )
    asked = (role_arn, service, session, seconds, source_identity)
    given = _given.get(asked)
    if given and given["AWS_ACCESS_KEY_ID"] in sts._sessions and _fresh(given, seconds):
        return given
    who = {
        "Arn": session_arn(role_arn, session),
        "UserId": f"{role.get('RoleId', name)}:{session}",
        "AccountId": account,
        "PrincipalType": "AssumedRole",
        "SourceIdentity": source_identity or None,
    }
    _given[asked] = _register(who, seconds)
    return _given[asked]


def _register(who: dict[str, str | None], seconds: int) -> dict[str, str]:
    """A new session, which ministack knows; returns its keys as environment variables."""
    key, secret, token = (
        "ASIA" + secrets.token_hex(8).upper(),
        secrets.token_urlsafe(30),
        secrets.token_urlsafe(48),
    )
    keys = {"SecretAccessKey": secret, "SessionToken": token, "Expiration": time.time() + seconds}
    sts.register_session(key, who | keys)
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def _fresh(given: dict[str, str], seconds: int) -> bool:
    expires: float = sts._sessions[given["AWS_ACCESS_KEY_ID"]]["Expiration"]
    return expires - time.time() > seconds / 2


def session_arn(role_arn: str, session: str) -> str:
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    return f"arn:aws:sts::{account}:assumed-role/{name}/{session}"


def require(
    access_key: str,
    account: str,
    region: str,
    action: str,
    resource: str,
    context: dict[str, str] | None = None,
) -> None:
    """Raise `Refused` unless the principal of `access_key`, of `account`, may do `action` on `resource`.

    The resource's own policy is asked where its service keeps one; across accounts it must allow as well.
    """
    with request_scope(account, region):
        service = action.split(":", 1)[0]
        denied = iam_evaluator.enforce(access_key, action, service, region, resource, dict(context or {}))
        principal = iam_evaluator.resolve_caller_identity(access_key) or {}
    if denied is not None:
        who = principal.get("userArn", access_key)
        raise Refused(f"User: {who} is not authorized to perform: {action} on resource: {resource}")


def _trusts(policy: object, role_arn: str, service: str, source_arn: str, action: str) -> bool:
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    account = role_arn.split(":")[4]
    keys = {"aws:sourceaccount": account}
    context = EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action=action,
        resource_arn=role_arn,
        region="",
        service_context=keys | ({"aws:sourcearn": source_arn} if source_arn else {}),
    )
    return any(
        statement.get("Effect") == "Allow"
        and action in _listed(statement.get("Action"))
        and iam_evaluator._service_principal_matches(statement.get("Principal"), service)
        and iam_evaluator._conditions_met(statement.get("Condition", {}), context)
        for statement in ([statements] if isinstance(statements, dict) else statements)
    )


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
