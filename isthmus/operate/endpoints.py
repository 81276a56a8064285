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
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    described = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    container = (described.get("Containers") or [described.get("PrimaryContainer", {})])[0]
    arn = container.get("ModelPackageName", "")
    cycle = _record(sagemaker, arn, stage)
    return Endpoint(stage, name, found["EndpointStatus"], arn, cycle, found["LastModifiedTime"].isoformat())


def _record(sagemaker: Any, arn: str, stage: str) -> str:
    """The Azure run that brought the version here, as the deployment recorded it in the registry."""
    if not arn:
        return ""
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    run: str = package.get("CustomerMetadataProperties", {}).get(f"{stage}_run_id", "")
    return run
