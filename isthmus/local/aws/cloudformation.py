"""CloudFormation resource types that ministack lacks and our stacks use.

SageMaker's properties are those of the API that creates the resource, so each type is one row of a table.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.app import call_service_handler_sync
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, iam
from ministack.services.cloudformation import provisioners, stacks

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
ENDPOINT_TIMEOUT = 300.0


@dataclass(frozen=True)
class Type:
    """A SageMaker type: its noun in the API, what `Ref` is, and which properties replace it."""

    noun: str
    ref: str
    replacing: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.noun}Name"


TYPES = {
    "AWS::SageMaker::Model": Type(
        "Model",
        "ModelArn",
        (
            "ModelName",
            "Containers",
            "PrimaryContainer",
            "ExecutionRoleArn",
            "VpcConfig",
            "EnableNetworkIsolation",
        ),
    ),
    "AWS::SageMaker::EndpointConfig": Type(
        "EndpointConfig",
        "EndpointConfigArn",
        ("EndpointConfigName", "ProductionVariants", "DataCaptureConfig", "KmsKeyId"),
    ),
    "AWS::SageMaker::Endpoint": Type("Endpoint", "EndpointArn", ("EndpointName",)),
    "AWS::SageMaker::ModelPackageGroup": Type(
        "ModelPackageGroup", "ModelPackageGroupArn", ("ModelPackageGroupName", "ModelPackageGroupDescription")
    ),
    "AWS::SageMaker::Pipeline": Type("Pipeline", "PipelineName", ("PipelineName",)),
}


_blocks = stacks._runs_on_worker_thread


def install() -> None:
    # An endpoint takes a while to come into service; the server must answer its requests meanwhile.
    stacks._runs_on_worker_thread = lambda name: name in TYPES or _blocks(name)
    for name, kind in TYPES.items():
        provisioners._RESOURCE_HANDLERS[name] = {
            "create": _creating(kind),
            "update": _updating(kind),
            "delete": _deleting(kind),
        }
        provisioners._REPLACING_PROPERTIES[name] = kind.replacing
    for name, handlers in (
        (
            "AWS::IAM::OIDCProvider",
            {"create": _provider_create, "update": _provider_update, "delete": _provider_delete},
        ),
        (
            "AWS::Events::EventBusPolicy",
            {"create": _bus_policy_create, "update": _bus_policy_update, "delete": _bus_policy_delete},
        ),
    ):
        provisioners._RESOURCE_HANDLERS.setdefault(name, handlers)


# ---------------------------------------------------------------- SageMaker


def call(operation: str, **request: Any) -> dict[str, Any]:
    """Call our SageMaker as CloudFormation does; raises `ValueError` with its message."""
    from isthmus.local.sagemaker import service

    headers = {"x-amz-target": f"SageMaker.{operation}", "content-type": "application/x-amz-json-1.1"}
    status, _, body = call_service_handler_sync(
        service.handle_request, "POST", "/", headers, json.dumps(request).encode(), {}
    )
    answer: dict[str, Any] = json.loads(body or b"{}")
    if status >= 400:
        raise ValueError(answer.get("message") or answer.get("Message") or str(answer))
    return answer


def _creating(kind: Type) -> Callable[[str, Properties, str], Created]:
    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        request = _request(kind, properties, logical_id, stack)
        answer = call(f"Create{kind.noun}", **request)
        _settle(kind, request, properties)
        return _identity(kind, request[kind.name], answer)

    return create


def _updating(kind: Type) -> Callable[[str, Properties, Properties, str], Created]:
    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        request = _request(kind, new, physical_id, stack)
        request.pop("Tags", None)
        if kind.noun in ("Endpoint", "Pipeline"):
            answer = call(f"Update{kind.noun}", **request)
        else:
            answer = {kind.ref: physical_id}
        _settle(kind, request, new)
        _retag(kind, request[kind.name], new)
        return _identity(kind, request[kind.name], answer)

    return update


def _deleting(kind: Type) -> Callable[[str, Properties], None]:
    def delete(physical_id: str, _properties: Properties) -> None:
        name = physical_id.rsplit("/", 1)[-1]
        extra = {"ClientRequestToken": f"delete-{name}".ljust(32, "-")} if kind.noun == "Pipeline" else {}
        call(f"Delete{kind.noun}", **{kind.name: name}, **extra)

    return delete


def _request(kind: Type, properties: Properties, logical_id: str, stack: str) -> Properties:
    request = {key: value for key, value in properties.items() if key != "ModelPackageGroupPolicy"}
    request.setdefault(kind.name, f"{stack}-{logical_id}")
    if kind.noun == "Pipeline":
        definition = request.pop("PipelineDefinition")
        if "PipelineDefinitionBody" in definition:
            request["PipelineDefinition"] = definition["PipelineDefinitionBody"]
        else:
            where = definition["PipelineDefinitionS3Location"]
            request["PipelineDefinitionS3Location"] = {"Bucket": where["Bucket"], "ObjectKey": where["Key"]}
    return _typed(request)


def _typed(value: Any) -> Any:
    """Templates carry numbers and booleans as text where a parameter or Fn::Sub made them."""
    if isinstance(value, dict):
        return {key: _NUMBERS[key](item) if key in _NUMBERS else _typed(item) for key, item in value.items()}
    return [_typed(item) for item in value] if isinstance(value, list) else value


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() == "true"


_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "InitialInstanceCount": int,
    "InitialVariantWeight": float,
    "InitialSamplingPercentage": int,
    "EnableCapture": _flag,
    "EnableNetworkIsolation": _flag,
}


def _settle(kind: Type, request: Properties, properties: Properties) -> None:
    policy = properties.get("ModelPackageGroupPolicy")
    if policy:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        call("PutModelPackageGroupPolicy", ModelPackageGroupName=request[kind.name], ResourcePolicy=text)
    if kind.noun == "Endpoint":
        _await_endpoint(request["EndpointName"], request["EndpointConfigName"])


def _await_endpoint(name: str, config: str) -> None:
    """Wait until the endpoint is in service with `config`; SageMaker may have rolled back in silence."""
    deadline = time.monotonic() + ENDPOINT_TIMEOUT
    while time.monotonic() < deadline:
        found = call("DescribeEndpoint", EndpointName=name)
        if found["EndpointStatus"] == "InService":
            if found["EndpointConfigName"] == config:
                return
            raise ValueError(
                f"Endpoint {name} kept {found['EndpointConfigName']}: {found.get('FailureReason', '')}"
            )
        if found["EndpointStatus"] in ("Failed", "UpdateRollbackFailed"):
            raise ValueError(f"Endpoint {name} failed: {found.get('FailureReason', '')}")
        time.sleep(0.05)
    raise ValueError(f"Endpoint {name} did not come into service within {ENDPOINT_TIMEOUT:.0f} s")


def _retag(kind: Type, name: str, properties: Properties) -> None:
    tags = properties.get("Tags")
    if tags:
        noun = {"EndpointConfig": "endpoint-config", "ModelPackageGroup": "model-package-group"}.get(
            kind.noun, kind.noun.lower()
        )
        arn = f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{noun}/{name.lower()}"
        call("AddTags", ResourceArn=arn, Tags=tags)


def _identity(kind: Type, name: str, answer: dict[str, Any]) -> Created:
    attributes = {kind.name: name, kind.ref: answer.get(kind.ref, name)}
    return str(answer.get(kind.ref, name) if kind.ref != kind.name else name), attributes


# ---------------------------------------------------------------- IAM and EventBridge


def _provider_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    request = {"Url": properties["Url"]}
    for member, key in (("ClientIDList", "ClientIdList"), ("ThumbprintList", "ThumbprintList")):
        for number, value in enumerate(properties.get(key) or [], 1):
            request[f"{member}.member.{number}"] = value
    status, _, body = iam._create_oidc_provider(request)
    if status >= 400:
        raise ValueError(f"AWS::IAM::OIDCProvider: {body!r}")
    host = properties["Url"].removeprefix("https://").rstrip("/")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    return arn, {"Arn": arn}


def _provider_update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    _provider_delete(physical_id, old)
    return _provider_create("", new, stack)


def _provider_delete(physical_id: str, _properties: Properties) -> None:
    iam._oidc_providers.pop(physical_id, None)


def _bus_policy_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    bus, sid = properties.get("EventBusName", "default"), properties["StatementId"]
    policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
    kept = [statement for statement in policy["Statement"] if statement.get("Sid") != sid]
    statement = properties.get("Statement")
    statement = json.loads(statement) if isinstance(statement, str) else dict(statement or {})
    eventbridge._event_bus_policies[bus] = policy | {"Statement": [*kept, statement | {"Sid": sid}]}
    return f"{bus}|{sid}", {}


def _bus_policy_update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    _bus_policy_delete(physical_id, old)
    return _bus_policy_create("", new, stack)


def _bus_policy_delete(physical_id: str, _properties: Properties) -> None:
    bus, sid = physical_id.split("|", 1)
    policy = eventbridge._event_bus_policies.get(bus)
    if policy:
        policy["Statement"] = [one for one in policy["Statement"] if one.get("Sid") != sid]
