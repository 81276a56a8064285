"""STS's source identity, which ministack does not know: the person behind a session, whatever it takes next.

Source: IAM User Guide, "Monitor and control actions taken with assumed roles".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator, router
from ministack.core.iam_evaluator import EvalContext, ResolvedCredential
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, sts

from isthmus.errors import Refused
from isthmus.local.aws import roles
from isthmus.local.aws.authorization import one
from isthmus.local.aws.identity import error

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
ACTION = "sts:SetSourceIdentity"
_keys_of = iam_evaluator._principal_keys


def install(handlers: dict[str, Handler]) -> None:
    handlers["sts"] = _with_source_identity(handlers["sts"])
    for module in (iam_evaluator, sts):
        module._principal_keys = _principal_keys


def _principal_keys(credential: ResolvedCredential) -> dict[str, Any]:
    keys: dict[str, Any] = _keys_of(credential)
    who = _held(credential.access_key_id)
    return keys | ({"aws:sourceidentity": who} if who else {})


def _held(access_key: str) -> str:
    """The source identity of a session; empty where it has none."""
    return str((sts._sessions.get(access_key) or {}).get("SourceIdentity") or "")


def _with_source_identity(inner: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        params = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        caller = router.extract_access_key_id(headers, query) or get_account_id()
        held, asked = _held(caller), one(params, "SourceIdentity")
        if one(params, "Action") != "AssumeRole" or not (held or asked):
            return await inner(method, path, headers, body, query)
        try:
            _require(caller, one(params, "RoleArn"), held, asked or held)
        except Refused as refusal:
            return error("AccessDenied", refusal.what, 403)
        answer = await inner(method, path, headers, body, query)
        return _remember(answer, held or asked) if answer[0] == 200 else answer

    return handle


def _require(caller: str, role_arn: str, held: str, asked: str) -> None:
    """Raise `Refused` unless the caller may say who stands behind the session, and the role takes it."""
    if held and asked != held:
        raise Refused(f"The source identity of a session is {held} and cannot become {asked}")
    roles.require(caller, get_account_id(), get_region(), ACTION, role_arn, {"sts:SourceIdentity": asked})
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name) or {}
    who = iam_evaluator.caller_arn()
    context = EvalContext(
        principal_arn=who,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=ACTION,
        resource_arn=role_arn,
        region=get_region(),
        service_context={"sts:sourceidentity": asked},
    )
    if not iam_evaluator.evaluate_trust_policy(role.get("AssumeRolePolicyDocument", "{}"), who, context):
        raise Refused(f"User: {who} is not authorized to perform: {ACTION} on resource: {role_arn}")


def _remember(answer: Answer, who: str) -> Answer:
    status, headers, body = answer
    given = re.search(rb"<AccessKeyId>(\w+)</AccessKeyId>", body)
    if given:
        sts._sessions[given[1].decode()]["SourceIdentity"] = who
    said = f"<SourceIdentity>{who}</SourceIdentity></AssumeRoleResult>".encode()
    return status, headers, body.replace(b"</AssumeRoleResult>", said)
