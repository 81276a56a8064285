"""The endpoint and its configuration: what serves, what is captured, and which version it says it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import CfnTag
from constructs import Construct

from isthmus.deploy.deployment import Deployment
from isthmus.deploy.parts.capture import capture_config
from isthmus.deploy.parts.kept import keep_when_replaced
from isthmus.deploy.parts.queue import queue_config
from isthmus.deploy.parts.variant import variants
from isthmus.deploy.rollout import deployment_config
from isthmus.resource_types import aws_cloudwatch as cloudwatch
from isthmus.resource_types import aws_sagemaker as sagemaker


def make_endpoint_config(
    scope: Construct,
    deployment: Deployment,
    model: sagemaker.CfnModel,
    champion: sagemaker.CfnModel | None = None,
) -> sagemaker.CfnEndpointConfig:
    """With `champion`, `model` is the version that is compared with it."""
    named = variants(deployment, model.model_name, champion.model_name if champion else None)
    capture = capture_config(deployment)
    alone = {"variant": named[0][0]}
    content: dict[str, Any] = ({"variants": named} if champion else alone) | {"capture": capture}
    queue = queue_config(deployment) if deployment.kind == "async" else None
    name = deployment.by_content(content | ({"queue": queue} if queue else {}))
    # In a folder of its own, so that a monitor sees what its version was asked, and no other.
    capture["destinationS3Uri"] += name
    production, shadows = variants(
        deployment, model.attr_model_name, champion.attr_model_name if champion else None
    )
    made = sagemaker.CfnEndpointConfig(
        scope,
        "EndpointConfig",
        endpoint_config_name=name,
        kms_key_id=deployment.key,
        production_variants=production,
        shadow_production_variants=shadows or None,
        # SageMaker refuses that of a serverless endpoint, even where it captures nothing.
        data_capture_config=None if deployment.kind == "serverless" else capture,
        async_inference_config=queue,
    )
    return keep_when_replaced(made)


ENDPOINT = "Endpoint"
# How traffic is shared is this configuration's to say.
_SHARED = [{"variantPropertyType": "DesiredWeight"}]


def make_endpoint(
    scope: Construct,
    deployment: Deployment,
    config: sagemaker.CfnEndpointConfig,
    alarms: Sequence[cloudwatch.CfnAlarm],
) -> sagemaker.CfnEndpoint:
    """It is made and updated after `alarms`, which turn an update back."""
    scaling, stage, serves = deployment.scaling, deployment.stage, deployment.in_charge.package
    tags = {
        "isthmus:model-package-arn": serves.arn,
        "isthmus:commit": serves.metadata.get("commit", ""),
        "isthmus:challenger-arn": deployment.package.arn if deployment.compared else "",
    }
    endpoint = sagemaker.CfnEndpoint(
        scope,
        ENDPOINT,
        endpoint_name=deployment.endpoint,
        endpoint_config_name=config.attr_endpoint_config_name,
        # Of no effect on a first deployment, which has nothing to turn back to; each update passes it on.
        deployment_config=None
        if deployment.compared
        else deployment_config(
            getattr(deployment.config.rollout, stage),
            getattr(deployment.config.capacity, stage).instance_count,
            [alarm.alarm_name or "" for alarm in alarms],
        ),
        # A new version has as many instances as the old one was scaled to. Of none it could not be proved.
        retain_all_variant_properties=True if scaling and scaling.min_instances else None,
        exclude_retained_variant_properties=_SHARED if deployment.compared and scaling else None,
        tags=[CfnTag(key=key, value=value) for key, value in tags.items() if value],
    )
    for alarm in alarms:
        endpoint.add_dependency(alarm)
    return endpoint
