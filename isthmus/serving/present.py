"""What serves a model now, read from SageMaker in the account that serves.

An endpoint of its own, an inference component on one that models share, or a batch pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from isthmus import names
from isthmus.config import Stage
from isthmus.config.kinds import Kind
from isthmus.errors import NotFound
from isthmus.serving.changes import Change, differences, resized, taken_off

Found = TypeVar("Found")
# What a deployment, or SageMaker itself, ends by itself.
MOVING = ("Creating", "Updating", "SystemUpdating", "RollingBack")


@dataclass(frozen=True)
class Serving:
    """What serves a model at a stage, and the version behind it.

    While the first deployment is under way, or after it failed, the version is the one that it is of, and
    answers nobody; `changed` and `resized` are of an endpoint in service.
    `endpoint_config` is what was captured is filed under: of a batch transform and of an inference component,
    SageMaker's model. `component` is the latter's name, and `size` what it has of the endpoint, in words.
    """

    stage: Stage
    endpoint: str
    arn: str
    status: str
    since: datetime
    endpoint_config: str
    model_package_arn: str
    failure: str = ""
    kind: Kind = "realtime"
    # The version that is compared with it; a shadow answers nobody.
    challenger: str = ""
    shadow: bool = False
    # It answers nobody any more: see `changes.taken_off`.
    taken_off: bool = False
    component: str = ""
    size: str = ""
    # What each of its copies has, however many there are.
    each: str = ""
    # All that answers or is compared, the two above among them; empty for a model that is of no version.
    behind: tuple[str, ...] = ()
    # SageMaker's models of these.
    models: tuple[str, ...] = ()
    # How it runs otherwise than its configuration says; and variants that have other numbers of instances.
    changed: tuple[Change, ...] = ()
    resized: tuple[Change, ...] = ()

    @property
    def target(self) -> dict[str, str]:
        """What InvokeEndpoint must be told beside the endpoint, to ask this model."""
        return {"InferenceComponentName": self.component} if self.component else {}

    def sized(self, *, scales: bool) -> str:
        """The size that a deployment decides on: not how many copies there are, where these scale."""
        return self.each if scales else self.size

    @property
    def version(self) -> str:
        return self.model_package_arn.rsplit("/", 1)[-1]


def look(sagemaker: Any, model: str, stage: Stage) -> Serving:
    """What serves the model in the account that the client is of; raises `NotFound` where nothing does."""
    found = _again(sagemaker, lambda: _first(sagemaker, model, stage))
    if found is None:
        raise NotFound(f"there is no endpoint of {model} in {stage}", todo="deploy it first")
    return found


def every(sagemaker: Any, model: str, stage: Stage) -> list[Serving]:
    """All that serves the model there: one, but for what a change of its kind, or a hand, left behind."""
    return _again(sagemaker, lambda: list(_each(sagemaker, model, stage)))


def _again(sagemaker: Any, look_once: Callable[[], Found]) -> Found:
    """Once more where a deployment put another in place of what was looked at.

    What is gone has no tags any more, so that a role which may read what has them is denied.
    """
    try:
        return look_once()
    except sagemaker.exceptions.ClientError as error:
        denied = error.response["Error"]["Code"] == "AccessDeniedException"
        if not denied and "Could not find" not in error.response["Error"]["Message"]:
            raise
        return look_once()


def _each(sagemaker: Any, model: str, stage: Stage) -> Iterator[Serving]:
    for kind in names.ENDPOINT_KINDS:
        if found := _endpoint(sagemaker, model, stage, kind):
            yield found
    for of_kind in (_component, _batch):
        if found := of_kind(sagemaker, model, stage):
            yield found


# Such an endpoint answers nobody, and while a model's way to serve changes another one of it still does.
_SILENT = ("Creating", "Failed", "OutOfService", "Deleting")


def _first(sagemaker: Any, model: str, stage: Stage) -> Serving | None:
    first = None
    for one in _each(sagemaker, model, stage):
        if one.status not in _SILENT:
            return one
        first = first or one
    return first


def _endpoint(sagemaker: Any, model: str, stage: Stage, kind: Kind) -> Serving | None:
    name = names.endpoint(model, kind)
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return None
    config = found.get("EndpointConfigName", "")
    described = sagemaker.describe_endpoint_config(EndpointConfigName=config) if config else {}
    behind = _versions(sagemaker, described)
    # An endpoint has its variants once it is in service: until then, and where it failed, none changed them.
    compared = (found, described) if config and found["EndpointStatus"] == "InService" else ({}, {})
    return Serving(
        stage=stage,
        endpoint=name,
        arn=found["EndpointArn"],
        status=found["EndpointStatus"],
        since=found["LastModifiedTime"],
        endpoint_config=config,
        model_package_arn=next(iter(behind.values()), ""),
        failure=found.get("FailureReason", ""),
        kind=kind,
        challenger=behind.get(names.CHALLENGER, ""),
        shadow=bool(found.get("ShadowProductionVariants")),
        taken_off=taken_off(compared[0]),
        behind=tuple(behind.values()),
        models=tuple(one["ModelName"] for one in _variants(described)),
        changed=tuple(differences(*compared)),
        resized=tuple(resized(*compared)),
    )


def _component(sagemaker: Any, model: str, stage: Stage) -> Serving | None:
    name = names.component(model)
    try:
        found = sagemaker.describe_inference_component(InferenceComponentName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return None
    serves = found.get("Specification", {})
    sagemaker_model = serves.get("ModelName", "")
    version = _version_of(sagemaker, sagemaker_model) if sagemaker_model else ""
    return Serving(
        stage=stage,
        endpoint=found["EndpointName"],
        arn=found["InferenceComponentArn"],
        status=found["InferenceComponentStatus"],
        since=found["LastModifiedTime"],
        endpoint_config=sagemaker_model,
        model_package_arn=version,
        failure=found.get("FailureReason", ""),
        kind="shared",
        component=name,
        size=size(serves, found.get("RuntimeConfig", {}).get("DesiredCopyCount", 0)),
        each=size(serves),
        behind=(version,) if sagemaker_model else (),
        models=(sagemaker_model,) if sagemaker_model else (),
    )


def size(specification: Mapping[str, Any], copies: int | None = None) -> str:
    """What a component has of its endpoint, or without a number each copy, in words that can be compared."""
    needs = specification.get("ComputeResourceRequirements", {})
    cpus, memory = needs.get("NumberOfCpuCoresRequired", 0), needs.get("MinMemoryRequiredInMb", 0)
    accelerators = f", {needs[_DEVICES]:g} accelerators" if _DEVICES in needs else ""
    each = f"({cpus:g} cpus, {memory} MB{accelerators})"
    return each if copies is None else f"{copies} x {each}"


_DEVICES = "NumberOfAcceleratorDevicesRequired"


def _batch(sagemaker: Any, model: str, stage: Stage) -> Serving | None:
    found = _pipeline(sagemaker, model)
    if found is None:
        return None
    sagemaker_model = _transforms_by(found)
    version = _version_of(sagemaker, sagemaker_model)
    return Serving(
        stage=stage,
        endpoint=names.batch_pipeline(model),
        arn=found["PipelineArn"],
        status="InService" if found["PipelineStatus"] == "Active" else found["PipelineStatus"],
        since=found["LastModifiedTime"],
        endpoint_config=sagemaker_model,
        model_package_arn=version,
        kind="batch",
        behind=(version,),
        models=(sagemaker_model,),
    )


def batch_model(sagemaker: Any, model: str) -> str:
    """SageMaker's model that the batch pipeline of the model serves by; empty where there is none."""
    found = _pipeline(sagemaker, model)
    return _transforms_by(found) if found else ""


def _pipeline(sagemaker: Any, model: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = sagemaker.describe_pipeline(PipelineName=names.batch_pipeline(model))
    except sagemaker.exceptions.ResourceNotFound:
        return None
    return found


def _transforms_by(pipeline: Mapping[str, Any]) -> str:
    (step,) = json.loads(pipeline["PipelineDefinition"])["Steps"]
    return str(step["Arguments"]["ModelName"])


def variants_of(sagemaker: Any, endpoint_config: str) -> dict[str, str]:
    """The ARNs of the model packages that a configuration serves, by variant: first the one in charge."""
    return _versions(sagemaker, sagemaker.describe_endpoint_config(EndpointConfigName=endpoint_config))


def _versions(sagemaker: Any, described: Mapping[str, Any]) -> dict[str, str]:
    return {one["VariantName"]: _version_of(sagemaker, one["ModelName"]) for one in _variants(described)}


def _variants(described: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*described.get("ProductionVariants", []), *described.get("ShadowProductionVariants", [])]


def _version_of(sagemaker: Any, name: str) -> str:
    model = sagemaker.describe_model(ModelName=name)
    container = (model.get("Containers") or [model.get("PrimaryContainer", {})])[0]
    arn: str = container.get("ModelPackageName", "")
    return arn
