"""Automatic scaling of an endpoint's instances, by requests or its queue, and of a component's copies.

Document: SageMaker's developer guide, "Automatic scaling", "Autoscale an asynchronous endpoint", and "Define
a scaling policy" for models that are inference components.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnResource
from constructs import Construct

from isthmus import names
from isthmus.config.scaling import Scaling
from isthmus.config.shared import CopyScaling
from isthmus.deploy.deployment import Deployment
from isthmus.resource_types import aws_applicationautoscaling as autoscaling
from isthmus.resource_types import aws_cloudwatch as cloudwatch
from isthmus.resource_types import aws_sagemaker as sagemaker

SERVICE = "sagemaker"
INSTANCES = "sagemaker:variant:DesiredInstanceCount"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
BACKLOG = 5
COOLDOWN_SECONDS = 300
_COOLDOWNS = {"scaleInCooldown": COOLDOWN_SECONDS, "scaleOutCooldown": COOLDOWN_SECONDS // 5}


def make_scaling(
    scope: Construct, deployment: Deployment, endpoint: sagemaker.CfnEndpoint, scaling: Scaling
) -> None:
    resource = f"endpoint/{deployment.endpoint}/variant/{names.VARIANT}"
    bounds = scaling.min_instances, scaling.max_instances
    target = _target(scope, endpoint, INSTANCES, resource, bounds)
    _policy(scope, "ScaleByTarget", target, "TargetTrackingScaling", _tracked(deployment, scaling))
    if not scaling.min_instances:
        _wake(scope, deployment, target)


def make_copy_scaling(
    scope: Construct,
    deployment: Deployment,
    component: sagemaker.CfnInferenceComponent,
    scaling: CopyScaling,
) -> None:
    resource = f"inference-component/{names.component(deployment.model)}"
    target = _target(scope, component, COPIES, resource, (scaling.min_copies, scaling.max_copies))
    tracked = _invocations("SageMakerInferenceComponentInvocationsPerCopy", scaling.invocations_per_copy)
    _policy(scope, "ScaleByTarget", target, "TargetTrackingScaling", tracked)


def _target(
    scope: Construct, scaled: CfnResource, dimension: str, resource: str, bounds: tuple[int, int]
) -> autoscaling.CfnScalableTarget:
    target = autoscaling.CfnScalableTarget(
        scope,
        "ScalableTarget",
        service_namespace=SERVICE,
        scalable_dimension=dimension,
        resource_id=resource,
        min_capacity=bounds[0],
        max_capacity=bounds[1],
    )
    target.add_resource_dependency(scaled)
    return target


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
    if deployment.kind == "async":
        waiting = {
            "metricName": "ApproximateBacklogSizePerInstance",
            "namespace": "AWS/SageMaker",
            "dimensions": [{"name": "EndpointName", "value": deployment.endpoint}],
            "statistic": "Average",
        }
        target = scaling.backlog_per_instance or BACKLOG
        return _COOLDOWNS | {"targetValue": target, "customizedMetricSpecification": waiting}
    return _invocations("SageMakerVariantInvocationsPerInstance", scaling.invocations_per_instance or 1)


def _invocations(metric: str, target: int) -> dict[str, Any]:
    return _COOLDOWNS | {
        "targetValue": target,
        "predefinedMetricSpecification": {"predefinedMetricType": metric},
    }


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
