"""What IAM is told that ministack does not know: TLS, roles behind sessions, and other accounts' resources.

ministack evaluates policies within one account over plain HTTP. Here the loopback counts as TLS, as bucket
policies demand; `aws:PrincipalArn` is the role of a session, as AWS has it; a key, repository or bus of
another account is found there, and its policy asked.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from ministack import app as ministack
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, iam, kms, s3

from isthmus.local.aws import encrypted_objects, parameters, searched_logs, variables

Answer = tuple[int, dict[str, str], Any]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
# Services whose requests can name a resource of another account, which then answers in that account's scope.
SHARED = ("ecr", "kms", "secretsmanager")
# SQS has no permissions for batches apart: "Amazon SQS API permissions: actions and resource reference".
BATCHES = {
    f"sqs:{action}Batch": f"sqs:{action}"
    for action in ("ChangeMessageVisibility", "DeleteMessage", "SendMessage")
}
# Between the ARNs of a request about several resources, which ministack takes for one.
_EACH = " "
ACL = (
    "x-amz-acl",
    *(f"x-amz-grant-{what}" for what in ("full-control", "read", "read-acp", "write", "write-acp")),
)

_condition = iam_evaluator._resolve_condition_key
_own_policy = iam_evaluator._resource_policy
_enforce = iam_evaluator.enforce
_resource_arn = iam_actions.extract_resource_arn
_tag_context = iam_actions.request_tag_context
_s3_context = iam_actions.s3_service_context
_bucket_allows = s3._foreign_bucket_allows


def install(handlers: dict[str, Handler]) -> None:
    # Between processes of one machine nothing needs encryption; policies may insist on it all the same.
    iam_evaluator._request_origin = ContextVar("isthmus_request_origin", default=("127.0.0.1", True))
    ministack.pin_request_origin = lambda address, _secure: iam_evaluator.pin_request_origin(address, True)
    iam_evaluator._resolve_condition_key = _resolve_condition_key
    variables.install()
    iam_evaluator._resource_policy = policy_of
    iam_evaluator.enforce = enforce
    iam_actions.extract_resource_arn = _resource_arn_anywhere
    iam_actions.request_tag_context = _request_context
    encrypted_objects.install()
    iam_actions.s3_service_context = _s3_request_context
    s3._foreign_bucket_allows = _bucket_lets_in
    for service in SHARED:
        handlers[service] = _in_owners_account(service, handlers[service])


def role_of(principal: str) -> str:
    """The role's ARN for a session's ARN; any other principal as it is."""
    if ":assumed-role/" not in principal:
        return principal
    account, name = principal.split(":")[4], principal.split("/")[1]
    role = iam._roles.get_scoped(account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{account}:role/{name}")


def _resolve_condition_key(key: str, context: iam_evaluator.EvalContext) -> Any:
    name = key.lower()
    if name == "aws:principalarn":
        return role_of(context.principal_arn)
    if name.startswith("aws:principaltag/") and name not in context.principal_keys:
        return _tag_of_role(context.principal_arn, name.partition("/")[2])
    if name in ("aws:resourceaccount", "s3:resourceaccount") and context.resource_arn.startswith(
        "arn:aws:s3"
    ):
        return s3._bucket_owner_account(_bucket_of(context.resource_arn)) or context.principal_account
    return _condition(key, context)


def _tag_of_role(principal: str, key: str) -> str | None:
    """A tag of a session's role; keys of tags are compared without regard to case, as AWS does."""
    if ":assumed-role/" not in principal:
        return None
    role = iam._roles.get_scoped(principal.split(":")[4], None, principal.split("/")[1]) or {}
    return next((tag["Value"] for tag in role.get("Tags") or [] if tag["Key"].lower() == key), None)


# ---------------------------------------------------------------- resources of other accounts


def policy_of(service: str, arn: str) -> tuple[Any, str] | None:
    """The resource's own policy and its owner, wherever it is."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or not parts[4].isdigit():
        return _found(_own_policy(service, arn))
    with request_scope(parts[4], parts[3] or get_region()):
        if service == "events":
            return _bus_policy(parts[5]), parts[4]
        return _found(_own_policy(service, arn))


def _found(answer: tuple[Any, str] | None) -> tuple[Any, str] | None:
    return answer


def _bus_policy(resource: str) -> dict[str, Any] | None:
    kind, _, name = resource.partition("/")
    if kind != "event-bus":
        return None
    policy: dict[str, Any] = eventbridge._event_bus_policies.get(name) or {}
    return policy | {"Statement": [_spelled_out(one) for one in policy.get("Statement", [])]}


def _spelled_out(statement: dict[str, Any]) -> dict[str, Any]:
    """PutPermission takes a bare account id for a principal, and AWS stores it spelled out."""
    principal = statement.get("Principal")
    return statement | {"Principal": {"AWS": principal}} if isinstance(principal, str) else statement


def _bucket_lets_in(
    owner: str,
    bucket: str,
    name: str,
    method: str,
    query: dict[str, Any],
    caller: str,
    headers: dict[str, str] | None = None,
) -> bool:
    """Whether a bucket's policy lets in this principal of another account; ministack asks for its account."""
    principal = iam_evaluator.caller_arn()
    if not caller or principal.endswith(":root") or _account_of(principal) != caller:
        return bool(_bucket_allows(owner, bucket, name, method, query, caller, headers))
    path = f"/{bucket}/{name}" if name else f"/{bucket}"
    action = f"s3:{iam_actions._s3_action(method, path, query)}"
    keys = iam_actions.s3_service_context(action, query, path, headers or {})
    context = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole" if ":assumed-role/" in principal else "User",
        principal_account=caller,
        action=action,
        resource_arn=f"arn:aws:s3::{path.replace('/', ':', 1)}",
        region=get_region(),
        service_context={key.lower(): value for key, value in keys.items()},
    )
    policy = s3._bucket_policies.get_scoped(owner, None, bucket)
    return bool(iam_evaluator.evaluate_resource_policy(policy, context).decision == "Allow")


def enforce(
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """ministack's own, but KMS behind S3 is asked as KMS, and a foreign root needs the resource's policy.

    Of several resources each must be allowed.
    """
    iam_action = BATCHES.get(iam_action, iam_action)
    first, *others = resource_arn.split(_EACH)
    for other in others:
        if denied := enforce(access_key_id, iam_action, service, region, other, service_context):
            return denied
    resource_arn = first
    asked, context = service, dict(service_context or {})
    if iam_action.startswith("kms:") and service != "kms":
        asked = "kms"
        context |= {
            "kms:ViaService": f"{service}.{region}.amazonaws.com",
            "kms:CallerAccount": get_account_id(),
            **(encrypted_objects.context(iam_action, resource_arn) if service == "s3" else {}),
        }
    denied = _enforce(access_key_id, iam_action, asked, region, resource_arn, context)
    if denied is None and asked in SHARED and iam_evaluator.is_root_access_key(access_key_id):
        return _denied_to_root(iam_action, asked, region, resource_arn, context)
    return denied


def _denied_to_root(action: str, service: str, region: str, arn: str, keys: dict[str, Any]) -> Any:
    account = get_account_id()
    if _account_of(arn) in (None, account):
        return None
    policy, _ = policy_of(service, arn) or (None, "")
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{account}:root",
        principal_type="Root",
        principal_account=account,
        action=action,
        resource_arn=arn,
        region=region,
        service_context={key.lower(): value for key, value in keys.items()},
    )
    result = iam_evaluator.evaluate_resource_policy(policy, context)
    return None if result.decision == "Allow" else result


def _resource_arn_anywhere(
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
    region: str,
    account: str,
) -> str:
    if service == "ssm" and (named := parameters.arns(_request(body), region, account)):
        return _EACH.join(named)
    if service == "logs" and (named := searched_logs.arns(_request(body), region, account)):
        return _EACH.join(named)
    if service == "ec2" and one(query, "Action") == "RunInstances":
        # AWS asks for the machine too, and ministack for its image only.
        return f"arn:aws:ec2:{region}:{account}:instance/*"
    owner = _owner(service, body) if service in SHARED else None
    found: str = _resource_arn(service, method, path, headers, body, query, region, owner or account)
    return found


def _in_owners_account(service: str, inner: Handler) -> Handler:
    """The service, answering as the account that owns what the request names; IAM has had its say."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        owner = _owner(service, body)
        if owner is None or owner == get_account_id():
            return await inner(method, path, headers, body, query)
        with request_scope(owner, get_region()):
            return await inner(method, path, headers, body, query)

    return handle


def _owner(service: str, body: bytes) -> str | None:
    """The account that the request names explicitly, or that made the ciphertext."""
    request = _request(body)
    if service == "ecr":
        return request.get("registryId") or _account_of(request.get("resourceArn"))
    if service == "secretsmanager":
        return _account_of(request.get("SecretId"))
    return _account_of(request.get("KeyId")) or _account_of_ciphertext(request.get("CiphertextBlob"))


def _request(body: bytes) -> dict[str, Any]:
    """The JSON object that a request is; empty where it is none."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _account_of(arn: Any) -> str | None:
    parts = arn.split(":") if isinstance(arn, str) else []
    return parts[4] if len(parts) > 5 and parts[0] == "arn" and parts[4].isdigit() else None


def _account_of_ciphertext(blob: Any) -> str | None:
    """ministack's ciphertexts begin with the id of their key."""
    try:
        key = base64.b64decode(blob)[:36].decode() if isinstance(blob, str) else ""
    except ValueError:
        return None
    return next((account for account, _, known in list(kms._keys._data) if known == key), None)


# ---------------------------------------------------------------- condition keys and checks of requests


def _request_context(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = _tag_context(service, action, body, params)
    if action == "sts:GetWebIdentityToken":
        return context | {
            "sts:IdentityTokenAudience": audiences(params),
            "sts:DurationSeconds": one(params, "DurationSeconds") or "300",
            "sts:SigningAlgorithm": one(params, "SigningAlgorithm"),
        }
    if action == "ec2:RunInstances":
        return context | {"ec2:MetadataHttpTokens": one(params, "MetadataOptions.HttpTokens") or None}
    if action == "events:PutEvents":
        return context | {"events:source": _members(body, "Entries", "Source")}
    if action == "cloudwatch:PutMetricData":
        return context | {"cloudwatch:namespace": one(params, "Namespace") or _member(body, "Namespace")}
    return context


def _s3_request_context(
    action: str, query: dict[str, Any] | None, path: str = "", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """With the access control list that any request carries; ministack asks for an object's only."""
    acl = {f"s3:{name}": value for name, value in (headers or {}).items() if name in ACL}
    return acl | dict(_s3_context(action, query, path, headers))


def _member(body: bytes, name: str) -> str:
    """A member of a JSON request; empty where it is none."""
    try:
        return str(json.loads(body)[name])
    except (ValueError, KeyError, TypeError):
        return ""


def _members(body: bytes, name: str, member: str) -> list[str]:
    """A member of each element of a JSON request's list; none where it is none."""
    try:
        return [str(one[member]) for one in json.loads(body)[name]]
    except (ValueError, KeyError, TypeError):
        return []


def audiences(params: dict[str, Any]) -> list[str]:
    """The audiences that GetWebIdentityToken is asked for."""
    return [one(params, name) for name in sorted(params) if name.startswith("Audience")]


def one(params: dict[str, Any], name: str) -> str:
    """A parameter of a query request, whose values are lists."""
    value = params.get(name, "")
    return str((value or [""])[0] if isinstance(value, list) else value)


def _bucket_of(arn: str) -> str:
    return arn.removeprefix("arn:aws:s3:::").split("/", 1)[0]
