"""The inference component: the version that serves on an endpoint which other models share.

The endpoint stands in the account's own stack (`cdk/shared.py`). A new version takes the place of the old one
in the component, whose name callers know.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnTag
from constructs import Construct

from isthmus import names
from isthmus.config.shared import Part
from isthmus.deploy.deployment import Deployment
from isthmus.deploy.rollout import rolling_config
from isthmus.resource_types import aws_cloudwatch as cloudwatch
from isthmus.resource_types import aws_sagemaker as sagemaker


def make_component(
    scope: Construct,
    deployment: Deployment,
    model: sagemaker.CfnModel,
    alarms: Sequence[cloudwatch.CfnAlarm],
) -> sagemaker.CfnInferenceComponent:
    """It is made and updated after `alarms`, which turn an update back."""
    part, package = deployment.part, deployment.package
    tags = {
        "isthmus:model-package-arn": package.arn,
        "isthmus:commit": package.metadata.get("commit", ""),
    }
    made = sagemaker.CfnInferenceComponent(
        scope,
        "Component",
        inference_component_name=names.component(deployment.model),
        endpoint_name=deployment.endpoint,
        variant_name=names.VARIANT,
        specification={
            "modelName": model.attr_model_name,
            "computeResourceRequirements": _requirements(part),
        },
        # An update that names no number leaves copies that scale as many as they are.
        runtime_config=None if part.scaling else {"copyCount": part.copies},
        # Of no effect on a first deployment; each update passes it on.
        deployment_config=rolling_config(
            getattr(deployment.config.rollout, deployment.stage),
            part.most,
            [alarm.alarm_name or "" for alarm in alarms],
        ),
        tags=[CfnTag(key=key, value=value) for key, value in tags.items() if value],
    )
    for alarm in alarms:
        made.add_dependency(alarm)
    return made


def _requirements(part: Part) -> dict[str, float]:
    wanted = {
        "numberOfCpuCoresRequired": part.cpus,
        "minMemoryRequiredInMb": part.memory_mb,
        # More than it has, a copy may not take from the others.
        "maxMemoryRequiredInMb": part.memory_mb,
        "numberOfAcceleratorDevicesRequired": part.accelerators,
    }
    return {key: value for key, value in wanted.items() if value is not None}
