"""Brings an endpoint or component to what its stack says already, where CloudFormation sees nothing to do.

SageMaker may have gone back in silence, or somebody changed it past the pipeline.
"""

from __future__ import annotations

from typing import Any

from isthmus.deploy.wanted import Wanted
from isthmus.infra.change import poll
from isthmus.serving import Serving


def stack_config(cloudformation: Any, stack: str) -> str:
    """The endpoint configuration that the stack has now, or without one the model; empty for neither."""
    try:
        found = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    except cloudformation.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return ""
    ids = {one["ResourceType"]: one.get("PhysicalResourceId", "") for one in found}
    kinds = (f"AWS::SageMaker::{kind}" for kind in ("EndpointConfig", "Model"))
    return next((ids[kind].rsplit("/", 1)[-1] for kind in kinds if ids.get(kind)), "")


def settled(sagemaker: Any, asked: Wanted) -> None:
    """Wait until nothing moves at what serves, which somebody may be updating past CloudFormation."""

    def status() -> str:
        if asked.component:
            name = asked.component["InferenceComponentName"]
            found = sagemaker.describe_inference_component(InferenceComponentName=name)
            return str(found["InferenceComponentStatus"])
        return str(sagemaker.describe_endpoint(EndpointName=asked.endpoint)["EndpointStatus"])

    poll(status, lambda status: status not in ("Creating", "Updating", "SystemUpdating", "RollingBack"))


def repair(sagemaker: Any, serving: Serving, asked: Wanted) -> None:
    """Have it updated to the wanted configuration, with the rollout of its stack, and wait."""
    more = {"DeploymentConfig": asked.deployment} if asked.deployment else {}
    if asked.component:
        sagemaker.update_inference_component(**asked.component, **more)
    else:
        sagemaker.update_endpoint(
            EndpointName=serving.endpoint, EndpointConfigName=asked.endpoint_config, **more
        )
    settled(sagemaker, asked)
