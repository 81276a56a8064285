"""CloudFormation's types of SageMaker: their properties are those of the API calls that make the resources.

The calls are made as the stack's role (see `stacks`), so that what the role may not do fails here as in AWS.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region

from isthmus.errors import Refused
from isthmus.local.aws import stacks

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
ENDPOINT_TIMEOUT = 600.0
GONE = ("Could not find", "does not exist", "not found")


@dataclass(frozen=True)
class Type:
    """A type by its noun in the API, whether `Ref` is its ARN, and what a change of replaces it.

    `named` is the property with its name, where that is not called like the noun.
    """

    noun: str
    kind: str
    ref_is_arn: bool
    replacing: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    named: str = ""

    @property
    def name(self) -> str:
        return self.named or f"{self.noun}Name"

    def arn(self, name: str) -> str:
        return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{self.kind}/{name.lower()}"


TYPES = {
    f"AWS::SageMaker::{one.noun}": one
    for one in (
        Type(
            "Model",
            "model",
            True,
            (
                "ModelName",
                "Containers",
                "PrimaryContainer",
                "InferenceExecutionConfig",
                "ExecutionRoleArn",
                "VpcConfig",
                "EnableNetworkIsolation",
            ),
        ),
        Type(
            "EndpointConfig",
            "endpoint-config",
            True,
            (
                "EndpointConfigName",
                "ProductionVariants",
                "ShadowProductionVariants",
                "DataCaptureConfig",
                "AsyncInferenceConfig",
                "ExplainerConfig",
                "ExecutionRoleArn",
                "EnableNetworkIsolation",
                "VpcConfig",
                "KmsKeyId",
            ),
        ),
        Type("Endpoint", "endpoint", True, ("EndpointName",)),
        # AWS's schema says that no change replaces it.
        Type("InferenceComponent", "inference-component", True, ()),
        Type(
            "ModelPackageGroup",
            "model-package-group",
            True,
            ("ModelPackageGroupName", "ModelPackageGroupDescription"),
            ("CreationTime", "ModelPackageGroupStatus"),
        ),
        Type("Pipeline", "pipeline", False, ("PipelineName",)),
        *(
            Type(
                f"{noun}JobDefinition",
                f"{kind}-job-definition",
                True,
                # Nothing of it can be changed in place.
                (
                    "JobDefinitionName",
                    "EndpointName",
                    "JobResources",
                    "NetworkConfig",
                    "RoleArn",
                    "StoppingCondition",
                    *(f"{noun}{part}" for part in ("AppSpecification", "BaselineConfig", "JobInput")),
                    f"{noun}JobOutputConfig",
                ),
                ("CreationTime", "JobDefinitionArn"),
                "JobDefinitionName",
            )
            for noun, kind in (("DataQuality", "data-quality"), ("ModelQuality", "model-quality"))
        ),
        Type(
            "MonitoringSchedule",
            "monitoring-schedule",
            True,
            ("MonitoringScheduleName",),
            ("CreationTime", "MonitoringScheduleArn"),
        ),
    )
}


def handlers(kind: Type) -> dict[str, Any]:
    """The type's provisioner, as ministack's table holds it."""
    return {"create": _creating(kind), "update": _updating(kind), "delete": _deleting(kind)}


def call(operation: str, **request: Any) -> dict[str, Any]:
    """Call our SageMaker as the stack's role; raises `ValueError` with CloudFormation's wording."""
    from isthmus.executor.refusals import ApiError
    from isthmus.local.sagemaker import service
    from isthmus.local.sagemaker.cloud import Caller

    try:
        key, arn = stacks.acting().credentials()
        caller = Caller(get_account_id(), get_region(), arn, key)
        answer: dict[str, Any] = service.here().invoke(operation, request, caller)
    except ApiError as error:
        raise ValueError(
            f"{error.message} (Service: SageMaker, Status Code: {error.status}, Error Code: {error.code})"
        ) from None
    except Refused as refusal:
        raise ValueError(refusal.what) from None
    return answer


def _creating(kind: Type) -> Callable[[str, Properties, str], Created]:
    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        request = _request(kind, "Create", properties, _generated(stack, logical_id))
        name = request[kind.name]
        call(f"Create{kind.noun}", **request)
        try:
            _put_policy(kind, name, {}, properties)
            _await(kind, name, request)
        except ValueError:
            # ministack rolls back what was made, and this was not: AWS leaves no failed endpoint behind.
            _delete(kind, name)
            raise
        return _identity(kind, name)

    return create


_CHANGEABLE = ("Endpoint", "InferenceComponent", "MonitoringSchedule", "Pipeline")


def _require_in_place(old: Properties, new: Properties) -> None:
    """UpdateInferenceComponent takes none of these; how AWS's handler answers is not documented."""
    for key in ("InferenceComponentName", "EndpointName", "VariantName"):
        if old.get(key) != new.get(key):
            raise ValueError(f"{key} of an inference component cannot be changed: make it anew")


def _await(kind: Type, name: str, request: Properties) -> None:
    """Wait until what was made or changed is what was asked for; raises `ValueError` where it is not."""
    if kind.noun == "Endpoint":
        await_endpoint(name, request["EndpointConfigName"])
    if kind.noun == "InferenceComponent":
        await_component(name, request.get("Specification", {}).get("ModelName", ""))


def _generated(stack: str, logical_id: str) -> str:
    """A name for a resource that the template does not name; a replacement has another seed."""
    from ministack.services.cloudformation.provisioners import _NAME_SEED

    name = f"{stack}-{logical_id}"[:50].strip("-")
    return f"{name}-{seed}" if (seed := _NAME_SEED.get()) else name


def _updating(kind: Type) -> Callable[[str, Properties, Properties, str], Created]:
    def update(physical_id: str, old: Properties, new: Properties, _stack: str) -> Created:
        name = _name(physical_id)
        if kind.noun in _CHANGEABLE and untagged(old) != untagged(new):
            if kind.noun == "InferenceComponent":
                _require_in_place(old, new)
            request = _request(kind, "Update", new, name)
            call(f"Update{kind.noun}", **request)
            _await(kind, name, request)
        _put_policy(kind, name, old, new)
        retag(kind.arn(name), tags_of(old), tags_of(new))
        return _identity(kind, name)

    return update


def _deleting(kind: Type) -> Callable[[str, Properties], None]:
    def delete(physical_id: str, _properties: Properties) -> None:
        try:
            _delete(kind, _name(physical_id))
        except ValueError as error:
            # What is already gone is deleted.
            if not any(word in str(error) for word in GONE):
                raise

    return delete


def _delete(kind: Type, name: str) -> None:
    call(f"Delete{kind.noun}", **_request(kind, "Delete", {kind.name: name}, name))


def _request(kind: Type, verb: str, properties: Properties, name: str) -> Properties:
    """The properties as the request of an operation: what only another verb takes is left out."""
    from isthmus.executor import shapes

    # Operations on pipelines take a token, with which they may be tried again.
    given: Properties = {kind.name: name, "ClientRequestToken": str(uuid.uuid4())} | properties
    if kind.noun == "Pipeline" and "PipelineDefinition" in given:
        given |= _definition(given.pop("PipelineDefinition"))
    shape: Any = shapes.operation(f"{verb}{kind.noun}").input_shape
    return {key: typed(value, shape.members[key]) for key, value in given.items() if key in shape.members}


def _definition(definition: Properties) -> Properties:
    if "PipelineDefinitionBody" in definition:
        return {"PipelineDefinition": definition["PipelineDefinitionBody"]}
    where = definition["PipelineDefinitionS3Location"]
    version = {"VersionId": where["Version"]} if where.get("Version") else {}
    return {"PipelineDefinitionS3Location": {"Bucket": where["Bucket"], "ObjectKey": where["Key"], **version}}


def typed(value: Any, shape: Any) -> Any:
    """Templates carry numbers and booleans as text where a parameter or Fn::Sub made them.

    Members that the API does not know stay, for it to refuse.
    """
    if shape.type_name == "structure" and isinstance(value, dict):
        known = shape.members
        return {key: typed(item, known[key]) if key in known else item for key, item in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [typed(item, shape.member) for item in value]
    if shape.type_name in ("integer", "long") and isinstance(value, str):
        return int(value)
    if shape.type_name in ("float", "double") and isinstance(value, str):
        return float(value)
    if shape.type_name == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if shape.type_name == "string" and isinstance(value, dict):
        return json.dumps(value)
    return value


def _put_policy(kind: Type, name: str, old: Properties, new: Properties) -> None:
    policy, before = new.get("ModelPackageGroupPolicy"), old.get("ModelPackageGroupPolicy")
    if kind.noun != "ModelPackageGroup" or policy == before:
        return
    if policy:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        call("PutModelPackageGroupPolicy", ModelPackageGroupName=name, ResourcePolicy=text)
    else:
        call("DeleteModelPackageGroupPolicy", ModelPackageGroupName=name)


def await_endpoint(name: str, config: str) -> None:
    """Wait until the endpoint is in service with `config`; raises `ValueError` where it is not.

    SageMaker may have rolled back in silence: then it is in service with what it had before.
    """
    config = _name(config)
    deadline = time.monotonic() + ENDPOINT_TIMEOUT
    while time.monotonic() < deadline:
        found = call("DescribeEndpoint", EndpointName=name)
        if found["EndpointStatus"] == "InService" and found["EndpointConfigName"] == config:
            return
        if found["EndpointStatus"] in ("InService", "Failed", "OutOfService", "UpdateRollbackFailed"):
            reason = found.get("FailureReason", "it went back to what it served before")
            raise ValueError(f"Endpoint {name} does not serve {config}: {reason}")
        time.sleep(0.05)
    raise ValueError(f"Endpoint {name} did not come into service within {ENDPOINT_TIMEOUT:.0f} s")


def await_component(name: str, model: str) -> None:
    """Wait until the component is in service with `model`; raises `ValueError` where it is not."""
    deadline = time.monotonic() + ENDPOINT_TIMEOUT
    while time.monotonic() < deadline:
        found = call("DescribeInferenceComponent", InferenceComponentName=name)
        status = found["InferenceComponentStatus"]
        if status == "InService" and found["Specification"].get("ModelName", "") == model:
            return
        if status in ("InService", "Failed"):
            reason = found.get("FailureReason", "it went back to what it served before")
            raise ValueError(f"Inference component {name} does not serve {model}: {reason}")
        time.sleep(0.05)
    raise ValueError(f"Inference component {name} did not come into service in {ENDPOINT_TIMEOUT:.0f} s")


def retag(arn: str, old: dict[str, str], new: dict[str, str]) -> None:
    changed = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
    if changed:
        call("AddTags", ResourceArn=arn, Tags=changed)
    if gone := sorted(old.keys() - new.keys()):
        call("DeleteTags", ResourceArn=arn, TagKeys=gone)


def tags_of(properties: Properties) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or []}


def untagged(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if key != "Tags"}


def _name(physical_id: str) -> str:
    return physical_id.rsplit("/", 1)[-1]


def _identity(kind: Type, name: str) -> Created:
    found = call(f"Describe{kind.noun}", **{kind.name: name}) if kind.attributes else {}
    attributes = {key: str(found[key]) for key in kind.attributes if key in found}
    attributes |= {kind.name: name, f"{kind.noun}Arn": kind.arn(name)}
    return kind.arn(name) if kind.ref_is_arn else name, attributes
