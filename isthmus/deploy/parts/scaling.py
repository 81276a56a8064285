"""Automatic scaling of an endpoint's instances: by requests, or by the requests that wait in its queue.

Document: SageMaker's developer guide, "Automatic scaling" and "Autoscale an asynchronous endpoint".
"""

from __future__ import annotations

from typing import Any

from constructs import Construct

from isthmus import names
from isthmus.config.scaling import Scaling
from isthmus.deploy.deployment import Deployment
from isthmus.resource_types import aws_applicationautoscaling as autoscaling
from isthmus.resource_types import aws_cloudwatch as cloudwatch
from isthmus.resource_types import aws_sagemaker as sagemaker

SERVICE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
BACKLOG = 5
COOLDOWN_SECONDS = 300


def make_scaling(
    scope: Construct, deployment: Deployment, endpoint: sagemaker.CfnEndpoint, scaling: Scaling
) -> None:
    target = autoscaling.CfnScalableTarget(
        scope,
        "ScalableTarget",
        service_namespace=SERVICE,
        scalable_dimension=DIMENSION,
        resource_id=f"endpoint/{deployment.endpoint}/variant/{names.VARIANT}",
        min_capacity=scaling.min_instances,
        max_capacity=scaling.max_instances,
    )
    target.add_resource_dependency(endpoint)
    _policy(scope, "ScaleByTarget", target, "TargetTrackingScaling", _tracked(deployment, scaling))
    if not scaling.min_instances:
        _wake(scope, deployment, target)


def _policy(
    scope: Construct, id_: str, target: autoscaling.CfnScalableTarget, kind: str, how: dict[str, Any]
) -> autoscaling.CfnScalingPolicy:
    """The policy's configuration is a property that is named after its type."""
    tracking = kind == "TargetTrackingScaling"
    return autoscaling.CfnScalingPolicy(
        scope,
        id_,
        policy_name=id_,
        policy_type=kind,
        scaling_target_id=target.ref,
        target_tracking_scaling_policy_configuration=how if tracking else None,
        step_scaling_policy_configuration=None if tracking else how,
    )


def _tracked(deployment: Deployment, scaling: Scaling) -> dict[str, Any]:
    cooldowns = {"scaleInCooldown": COOLDOWN_SECONDS, "scaleOutCooldown": COOLDOWN_SECONDS // 5}
    if deployment.kind == "async":
        waiting = {
            "metricName": "ApproximateBacklogSizePerInstance",
            "namespace": "AWS/SageMaker",
            "dimensions": [{"name": "EndpointName", "value": deployment.endpoint}],
            "statistic": "Average",
        }
        target = scaling.backlog_per_instance or BACKLOG
        return cooldowns | {"targetValue": target, "customizedMetricSpecification": waiting}
    metric = {"predefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    target = scaling.invocations_per_instance or 1
    return cooldowns | {"targetValue": target, "predefinedMetricSpecification": metric}


def _wake(scope: Construct, deployment: Deployment, target: autoscaling.CfnScalableTarget) -> None:
    """The first instance: without one there is no backlog per instance that a target could be kept of."""
    one_more = {
        "adjustmentType": "ChangeInCapacity",
        "metricAggregationType": "Maximum",
        "cooldown": COOLDOWN_SECONDS,
        "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}],
    }
    policy = _policy(scope, "ScaleFromZero", target, "StepScaling", one_more)
    cloudwatch.CfnAlarm(
        scope,
        "Backlog",
        alarm_name=names.backlog_alarm(deployment.platform, deployment.model),
        alarm_description=f"{deployment.model} in {deployment.stage}: requests wait and no instance runs",
        namespace="AWS/SageMaker",
        metric_name="HasBacklogWithoutCapacity",
        dimensions=[{"name": "EndpointName", "value": deployment.endpoint}],
        statistic="Maximum",
        threshold=1,
        period=60,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="missing",
        alarm_actions=[policy.ref],
    )
