"""What a model's endpoint serves now, read from SageMaker in the account that serves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from isthmus import names
from isthmus.config import Stage
from isthmus.errors import NotFound, Problem


@dataclass(frozen=True)
class Serving:
    """A model's endpoint at a stage, and the version behind it.

    While the first deployment is under way, or after it failed, there is no configuration and no version.
    """

    stage: Stage
    endpoint: str
    arn: str
    status: str
    since: datetime
    endpoint_config: str
    model_package_arn: str
    failure: str = ""

    @property
    def version(self) -> str:
        return self.model_package_arn.rsplit("/", 1)[-1]


def look(sagemaker: Any, model: str, stage: Stage) -> Serving:
    """The model's endpoint in the account that the client is of; raises `NotFound` where there is none."""
    name = names.endpoint(model)
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        raise NotFound(f"there is no endpoint {name} in {stage}", todo="deploy it first") from None
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
    )


def version_behind(sagemaker: Any, endpoint_config: str) -> str:
    """The ARN of the model package that an endpoint configuration serves."""
    described = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint_config)
    model = sagemaker.describe_model(ModelName=described["ProductionVariants"][0]["ModelName"])
    container = (model.get("Containers") or [model.get("PrimaryContainer", {})])[0]
    arn: str = container.get("ModelPackageName", "")
    return arn


def expect(serving: Serving, model_package_arn: str, endpoint_config: str | None = None) -> None:
    """Raise `Problem` unless the endpoint is in service with this version (and this configuration)."""
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
