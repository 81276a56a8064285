"""Brings an endpoint or component to what its stack says already, where CloudFormation sees nothing to do.

SageMaker may have gone back in silence, or somebody changed it past the pipeline.
"""

from __future__ import annotations

from typing import Any

from isthmus.config import Stage
from isthmus.deploy.wanted import Wanted
from isthmus.infra.change import poll
from isthmus.serving import MOVING, Serving, look


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


def settled(sagemaker: Any, model: str, stage: Stage) -> Serving:
    """What serves once nothing moves at it: it may scale, or somebody update it past CloudFormation."""
    return poll(lambda: look(sagemaker, model, stage), lambda serving: serving.status not in MOVING)


def repair(sagemaker: Any, serving: Serving, asked: Wanted) -> None:
    """Have it updated to the wanted configuration, with the rollout of its stack."""
    more = {"DeploymentConfig": asked.deployment} if asked.deployment else {}
    if asked.component:
        sagemaker.update_inference_component(**asked.component, **more)
    else:
        sagemaker.update_endpoint(
            EndpointName=serving.endpoint, EndpointConfigName=asked.endpoint_config, **more
        )
