"""What an endpoint serves now, read from SageMaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus import names
from isthmus.config import Stage
from isthmus.errors import NotFound, Problem


@dataclass(frozen=True)
class Serving:
    """A model's endpoint at a stage, and the version behind it."""

    stage: Stage
    endpoint: str
    arn: str
    status: str
    endpoint_config: str
    model_package_arn: str
    failure: str = ""


def look(sagemaker: Any, model: str, stage: Stage) -> Serving:
    """The model's endpoint in the account that the client is of; raises `NotFound` where there is none."""
    name = names.endpoint(model)
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        raise NotFound(f"there is no endpoint {name} in {stage}", todo="deploy it first") from None
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    described = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    container = (described.get("Containers") or [described.get("PrimaryContainer", {})])[0]
    return Serving(
        stage=stage,
        endpoint=name,
        arn=found["EndpointArn"],
        status=found["EndpointStatus"],
        endpoint_config=found["EndpointConfigName"],
        model_package_arn=container.get("ModelPackageName", ""),
        failure=found.get("FailureReason", ""),
    )


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
