"""CloudFormation's types of Application Auto Scaling: API calls, made as the stack's role."""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

from isthmus.errors import Refused
from isthmus.executor.refusals import ApiError
from isthmus.local.aws import rest_json, scaling, stacks
from isthmus.local.aws.sagemaker_types import typed

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
TARGET, POLICY = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"
_NAMED = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def install() -> None:
    for name, handlers in (
        (TARGET, {"create": _register, "update": _reregister, "delete": _deregister}),
        (POLICY, {"create": _put, "update": _reput, "delete": _delete}),
    ):
        provisioners._RESOURCE_HANDLERS[name] = handlers
    provisioners._REPLACING_PROPERTIES[TARGET] = _NAMED
    provisioners._REPLACING_PROPERTIES[POLICY] = ("PolicyName", "ScalingTargetId", *_NAMED)


def _call(operation: str, properties: Properties) -> Properties:
    """Raises `ValueError` with CloudFormation's wording."""
    shape: Any = rest_json.model(scaling.SERVICE).operation_model(operation).input_shape
    request = {
        key: typed(value, shape.members[key]) for key, value in properties.items() if key in shape.members
    }
    try:
        return scaling.invoke(operation, request, stacks.acting().credentials()[0])
    except ApiError as error:
        raise ValueError(f"{error.message} (Service: ApplicationAutoScaling, {error.code})") from None
    except Refused as refusal:
        raise ValueError(refusal.what) from None


def _register(_logical_id: str, properties: Properties, _stack: str) -> Created:
    _call("RegisterScalableTarget", properties)
    return "|".join(properties[key] for key in _NAMED), {}


def _reregister(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    return _register("", new, stack) if old != new else (physical_id, {})


def _deregister(physical_id: str, _properties: Properties) -> None:
    if physical_id in scaling._targets:
        _call("DeregisterScalableTarget", dict(zip(_NAMED, physical_id.split("|"), strict=True)))


def _policy(properties: Properties) -> Properties:
    """The properties with what the target's id stands for."""
    named = dict(zip(_NAMED, properties.get("ScalingTargetId", "").split("|"), strict=False))
    return {**named, **properties} if all(named.values()) else properties


def _put(_logical_id: str, properties: Properties, _stack: str) -> Created:
    arn = _call("PutScalingPolicy", _policy(properties))["PolicyARN"]
    return arn, {"Arn": arn}


def _reput(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    return _put("", new, stack) if old != new else (physical_id, {"Arn": physical_id})


def _delete(_physical_id: str, properties: Properties) -> None:
    asked = _policy(properties)
    if f"{'|'.join(asked[key] for key in _NAMED)}|{asked['PolicyName']}" in scaling._policies:
        _call("DeleteScalingPolicy", asked)
