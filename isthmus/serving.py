"""What serves a model now, read from SageMaker in the account that serves: an endpoint or batch pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from isthmus import names
from isthmus.config import Stage
from isthmus.config.kinds import Kind
from isthmus.errors import NotFound, Problem


@dataclass(frozen=True)
class Serving:
    """What serves a model at a stage, and the version behind it.

    While the first deployment is under way, or after it failed, there is no configuration and no version.
    `endpoint_config` is what was captured is filed under: of a batch transform, SageMaker's model.
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

    @property
    def version(self) -> str:
        return self.model_package_arn.rsplit("/", 1)[-1]


def look(sagemaker: Any, model: str, stage: Stage) -> Serving:
    """What serves the model in the account that the client is of; raises `NotFound` where nothing does."""
    try:
        found = _look(sagemaker, model, stage)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        # While it was looked at, a deployment put another in its place.
        found = _look(sagemaker, model, stage)
    if found is None:
        raise NotFound(f"there is no endpoint of {model} in {stage}", todo="deploy it first")
    return found


def _look(sagemaker: Any, model: str, stage: Stage) -> Serving | None:
    each = (_endpoint(sagemaker, model, stage, kind) for kind in names.ENDPOINT_KINDS)
    return next(filter(None, each), None) or _batch(sagemaker, model, stage)


def _endpoint(sagemaker: Any, model: str, stage: Stage, kind: Kind) -> Serving | None:
    name = names.endpoint(model, kind)
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return None
    config = found.get("EndpointConfigName", "")
    return Serving(
        stage=stage,
        endpoint=name,
        arn=found["EndpointArn"],
        status=found["EndpointStatus"],
        since=found["LastModifiedTime"],
        endpoint_config=config,
        model_package_arn=version_behind(sagemaker, config) if config else "",
        failure=found.get("FailureReason", ""),
        kind=kind,
    )


def _batch(sagemaker: Any, model: str, stage: Stage) -> Serving | None:
    found = _pipeline(sagemaker, model)
    if found is None:
        return None
    sagemaker_model = _transforms_by(found)
    return Serving(
        stage=stage,
        endpoint=names.batch_pipeline(model),
        arn=found["PipelineArn"],
        status="InService" if found["PipelineStatus"] == "Active" else found["PipelineStatus"],
        since=found["LastModifiedTime"],
        endpoint_config=sagemaker_model,
        model_package_arn=_version_of(sagemaker, sagemaker_model),
        kind="batch",
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


def version_behind(sagemaker: Any, endpoint_config: str) -> str:
    """The ARN of the model package that an endpoint configuration serves."""
    described = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint_config)
    return _version_of(sagemaker, described["ProductionVariants"][0]["ModelName"])


def _version_of(sagemaker: Any, name: str) -> str:
    model = sagemaker.describe_model(ModelName=name)
    container = (model.get("Containers") or [model.get("PrimaryContainer", {})])[0]
    arn: str = container.get("ModelPackageName", "")
    return arn


def expect(serving: Serving, model_package_arn: str, endpoint_config: str | None = None) -> None:
    """Raise `Problem` unless it is in service with this version (and this configuration)."""
    wanted = [model_package_arn] + ([endpoint_config] if endpoint_config else [])
    found = [serving.model_package_arn, serving.endpoint_config][: len(wanted)]
    if serving.status == "InService" and found == wanted:
        return
    raise Problem(
        f"endpoint {serving.endpoint} in {serving.stage} is {serving.status} and runs "
        f"{' by '.join(found) or 'nothing'}, not {' by '.join(wanted)}",
        where=serving.arn,
        todo=serving.failure or "look at the endpoint's log and deploy again",
    )
