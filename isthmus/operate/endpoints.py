"""What runs where: a model's endpoint in each serving account, and the version behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus import names


@dataclass(frozen=True)
class Endpoint:
    """A model's endpoint at a stage. `model_package_arn` is empty where there is none."""

    stage: str
    name: str
    status: str
    model_package_arn: str
    run_id: str
    since: str
    config: str = ""

    @property
    def version(self) -> str:
        return self.model_package_arn.rsplit("/", 1)[-1]


def find(sagemaker: Any, model: str, stage: str) -> Endpoint:
    """The model's endpoint in the account that the client is of."""
    name = names.endpoint(model)
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return Endpoint(stage, name, "none", "", "", "")
    # While the first deployment is under way, or after it failed, there is no configuration yet.
    config = found.get("EndpointConfigName", "")
    arn = version_behind(sagemaker, config) if config else ""
    run = _run(sagemaker, arn, stage)
    return Endpoint(
        stage, name, found["EndpointStatus"], arn, run, found["LastModifiedTime"].isoformat(), config
    )


def version_behind(sagemaker: Any, config: str) -> str:
    """The ARN of the model package that an endpoint configuration serves."""
    described = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    model = sagemaker.describe_model(ModelName=described["ProductionVariants"][0]["ModelName"])
    container = (model.get("Containers") or [model.get("PrimaryContainer", {})])[0]
    arn: str = container.get("ModelPackageName", "")
    return arn


def _run(sagemaker: Any, arn: str, stage: str) -> str:
    """The Azure run that brought the version here, as the deployment recorded it in the registry."""
    if not arn:
        return ""
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    run: str = package.get("CustomerMetadataProperties", {}).get(f"{stage}_run_id", "")
    return run
