"""CloudFormation resource types that ministack lacks and our stacks use."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import eventbridge, iam
from ministack.services.cloudformation import engine, provisioners
from ministack.services.cloudformation import stacks as lifecycle

from isthmus.local.aws import api_types, kept_types, making, network_types, sagemaker_types

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
_runs_on_worker_thread = lifecycle._runs_on_worker_thread
_provision = provisioners._provision_resource
_update = provisioners._update_resource
_resolve = engine._resolve_dynamic_reference


def install() -> None:
    for name, kind in sagemaker_types.TYPES.items():
        provisioners._RESOURCE_HANDLERS[name] = sagemaker_types.handlers(kind)
        provisioners._REPLACING_PROPERTIES[name] = kind.replacing
        provisioners._CUSTOM_NAME_REPLACEMENT[name] = {"name": kind.name}
        provisioners._STACK_TAG_PROPERTY[name] = ("Tags", "list")
    for name, (create, delete, replacing) in (
        OTHERS | api_types.TYPES | kept_types.TYPES | network_types.TYPES
    ).items():
        provisioners._RESOURCE_HANDLERS.setdefault(
            name, {"create": create, "update": _remaking(create, delete), "delete": delete}
        )
        provisioners._REPLACING_PROPERTIES.setdefault(name, replacing)
    # SageMaker may have to wait for AWS itself, whose event loop must not wait for SageMaker.
    lifecycle._runs_on_worker_thread = _waits_for_aws
    engine._resolve_dynamic_reference = _resolve_if_allowed
    for module in (provisioners, lifecycle):
        module._provision_resource = _provision_if_allowed
        module._update_resource = _update_if_allowed


def _waits_for_aws(resource_type: str) -> bool:
    return resource_type.startswith("AWS::SageMaker::") or _runs_on_worker_thread(resource_type)


def _provision_if_allowed(resource_type: str, logical_id: str, properties: Properties, stack: str) -> Created:
    making.require(resource_type, "create", logical_id, properties, stack)
    made: Created = _provision(resource_type, logical_id, properties, stack)
    return made


def _update_if_allowed(
    resource_type: str,
    physical_id: str,
    old: Properties,
    new: Properties,
    stack: str,
    logical_id: str | None = None,
    attributes: dict[str, Any] | None = None,
) -> Created:
    if old != new:
        making.require(resource_type, "update", logical_id or physical_id, new, stack)
    made: Created = _update(resource_type, physical_id, old, new, stack, logical_id, attributes)
    return made


def _resolve_if_allowed(literal: str) -> str:
    making.require_reference(literal)
    found: str = _resolve(literal)
    return found


# ---------------------------------------------------------------- IAM and EventBridge


def _provider_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    request = {"Url": properties["Url"]}
    for member, key in (("ClientIDList", "ClientIdList"), ("ThumbprintList", "ThumbprintList")):
        for number, value in enumerate(properties.get(key) or [], 1):
            request[f"{member}.member.{number}"] = value
    status, _, body = iam._create_oidc_provider(request)
    if status >= 400:
        raise ValueError(f"AWS::IAM::OIDCProvider: {body.decode()}")
    host = properties["Url"].removeprefix("https://").rstrip("/")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    return arn, {"Arn": arn}


def _provider_delete(physical_id: str, _properties: Properties) -> None:
    iam._oidc_providers.pop(physical_id, None)


def _bus_policy_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    bus, sid = properties.get("EventBusName", "default"), properties["StatementId"]
    if bus != "default" and bus not in eventbridge._event_buses:
        raise ValueError(f"Event bus {bus} does not exist.")
    policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
    kept = [statement for statement in policy["Statement"] if statement.get("Sid") != sid]
    statement = properties.get("Statement")
    statement = json.loads(statement) if isinstance(statement, str) else dict(statement or {})
    eventbridge._event_bus_policies[bus] = policy | {"Statement": [*kept, statement | {"Sid": sid}]}
    return f"{bus}|{sid}", {}


def _bus_policy_delete(physical_id: str, _properties: Properties) -> None:
    bus, sid = physical_id.split("|", 1)
    policy = eventbridge._event_bus_policies.get(bus)
    if policy:
        policy["Statement"] = [one for one in policy["Statement"] if one.get("Sid") != sid]


def _remaking(
    create: Callable[[str, Properties, str], Created], delete: Callable[[str, Properties], None]
) -> Callable[[str, Properties, Properties, str], Created]:
    """Update by making anew under the same id: nothing stands between the two on the event loop."""

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        delete(physical_id, old)
        return create("", new, stack)

    return update


OTHERS: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "AWS::IAM::OIDCProvider": (_provider_create, _provider_delete, ("Url",)),
    "AWS::Events::EventBusPolicy": (
        _bus_policy_create,
        _bus_policy_delete,
        ("EventBusName", "StatementId"),
    ),
}
