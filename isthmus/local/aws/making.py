"""What CloudFormation must be allowed to do to make a resource of a type that ministack makes as the account.

IAM's, so that no stack makes an identity beyond its role's boundary, and those of the stacks that a narrow
role makes. SageMaker's types ask for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from isthmus.errors import Refused
from isthmus.local.aws import stacks

Properties = dict[str, Any]
# An action, a resource and the condition keys that the request gives values to.
Need = tuple[str, str, dict[str, str]]
BOUNDARY = "iam:PermissionsBoundary"


def require(resource_type: str, verb: str, logical_id: str, properties: Properties, stack: str) -> None:
    """Raise `ValueError` unless the stack's role may `create` or `update` the resource."""
    if needs := NEEDS.get(resource_type):
        _require(needs(verb, properties, f"{stack}-{logical_id}"))


def require_reference(literal: str) -> None:
    """Raise `ValueError` unless the stack's role may read what a dynamic reference names."""
    service, _, name = literal.strip("{}").removeprefix("resolve:").partition(":")
    if service == "ssm":
        parameter = f"parameter/{name.partition(':')[0].strip('/')}"
        _require([("ssm:GetParameters", _arn("ssm", parameter), {})])


def _require(needs: Iterable[Need]) -> None:
    actor = stacks.acting()
    if actor.role is None:
        return
    try:
        for action, resource, context in needs:
            actor.require(action, resource, context)
    except Refused as refusal:
        raise ValueError(refusal.what) from None


def _alarm(_verb: str, properties: Properties, name: str) -> Iterator[Need]:
    yield "cloudwatch:PutMetricAlarm", _arn("cloudwatch", f"alarm:{properties.get('AlarmName', name)}"), {}


def _topic(verb: str, properties: Properties, name: str) -> Iterator[Need]:
    action = "CreateTopic" if verb == "create" else "SetTopicAttributes"
    yield f"sns:{action}", _arn("sns", properties.get("TopicName", name)), {}


def _rule(_verb: str, properties: Properties, name: str) -> Iterator[Need]:
    rule = _arn("events", f"rule/{properties.get('Name', name)}")
    yield "events:PutRule", rule, {}
    if properties.get("Targets"):
        yield "events:PutTargets", rule, {}
    for target in properties.get("Targets") or []:
        if target.get("RoleArn"):
            yield "iam:PassRole", target["RoleArn"], {"iam:PassedToService": "events.amazonaws.com"}


def _schedule(verb: str, properties: Properties, name: str) -> Iterator[Need]:
    schedule = f"schedule/{properties.get('GroupName', 'default')}/{properties.get('Name', name)}"
    yield f"scheduler:{verb.title()}Schedule", _arn("scheduler", schedule), {}
    yield "iam:PassRole", properties["Target"]["RoleArn"], {"iam:PassedToService": "scheduler.amazonaws.com"}


def _role(verb: str, properties: Properties, name: str) -> Iterator[Need]:
    role = _iam("role", properties.get("RoleName", name))
    wanted = str(properties.get("PermissionsBoundary") or "")
    context = {BOUNDARY: wanted} if wanted else {}
    if verb == "create":
        yield "iam:CreateRole", role, context
    elif wanted != _boundary_of(role):
        yield f"iam:{'Put' if wanted else 'Delete'}RolePermissionsBoundary", role, context
    for policy in properties.get("ManagedPolicyArns") or []:
        yield "iam:AttachRolePolicy", role, context | {"iam:PolicyARN": str(policy)}
    if properties.get("Policies"):
        yield "iam:PutRolePolicy", role, context


def _managed_policy(verb: str, properties: Properties, name: str) -> Iterator[Need]:
    policy = _iam("policy", properties.get("ManagedPolicyName", name))
    yield f"iam:CreatePolicy{'Version' if verb == 'update' else ''}", policy, {}
    yield from _on_roles("iam:AttachRolePolicy", properties, {"iam:PolicyARN": policy})


def _inline_policy(_verb: str, properties: Properties, _name: str) -> Iterator[Need]:
    yield from _on_roles("iam:PutRolePolicy", properties, {})


def _on_roles(action: str, properties: Properties, context: dict[str, str]) -> Iterator[Need]:
    for name in properties.get("Roles") or []:
        role = _iam("role", name)
        boundary = _boundary_of(role)
        yield action, role, context | ({BOUNDARY: boundary} if boundary else {})


def _boundary_of(role: str) -> str:
    return str((iam._roles.get(role.rsplit("/", 1)[-1]) or {}).get("PermissionsBoundary") or "")


def _identity(kind: str, named: str, action: str) -> Callable[[str, Properties, str], Iterator[Need]]:
    def needs(_verb: str, properties: Properties, name: str) -> Iterator[Need]:
        yield action, _iam(kind, properties.get(named, name)), {}

    return needs


def _iam(kind: str, name: str) -> str:
    return f"arn:aws:iam::{get_account_id()}:{kind}/{name}"


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


NEEDS: dict[str, Callable[[str, Properties, str], Iterator[Need]]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::Group": _identity("group", "GroupName", "iam:CreateGroup"),
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Policy": _inline_policy,
    "AWS::IAM::Role": _role,
    "AWS::IAM::User": _identity("user", "UserName", "iam:CreateUser"),
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::SNS::Topic": _topic,
}
