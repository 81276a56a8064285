"""The pipeline that watches what the version was asked and answered, and its schedule."""

from __future__ import annotations

from constructs import Construct

from isthmus import names
from isthmus.deploy.deployment import Deployment
from isthmus.deploy.parts.data_key import data_key
from isthmus.monitor.pipeline import Monitor, definition
from isthmus.resource_types import aws_sagemaker as sagemaker
from isthmus.resource_types import aws_scheduler as scheduler


def make_monitor(scope: Construct, deployment: Deployment, captures: str) -> None:
    """`captures` is the S3 prefix of what the version was asked."""
    name = names.monitor_pipeline(deployment.model)
    role = deployment.role(names.monitor_role(deployment.platform, deployment.model))
    monitor = _monitor(deployment, captures, role, data_key(scope, deployment))
    pipeline = sagemaker.CfnPipeline(
        scope,
        "Monitor",
        pipeline_name=name,
        role_arn=role,
        pipeline_definition={"PipelineDefinitionBody": definition(monitor)},
    )
    schedule = scheduler.CfnSchedule(
        scope,
        "Schedule",
        name=name,
        schedule_expression=deployment.config.monitoring.schedule,
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": f"arn:aws:sagemaker:{deployment.region}:{deployment.account}:pipeline/{name}",
            "roleArn": role,
        },
    )
    schedule.add_resource_dependency(pipeline)


def _monitor(deployment: Deployment, captures: str, role: str, key: str) -> Monitor:
    model, package = deployment.model, deployment.package
    return Monitor(
        model=model,
        stage=deployment.stage,
        endpoint=deployment.endpoint,
        region=deployment.region,
        image=package.image,
        role=role,
        baseline=package.baseline,
        evaluation=package.evaluation,
        artifact=package.artifact,
        captures=captures,
        labels=f"s3://{names.ground_truth_bucket(deployment.platform, deployment.account)}/{model}",
        reports=f"s3://{deployment.capture_bucket}/{names.reports(model)}{package.version}",
        key=key,
        version=package.version,
        settings=deployment.config.monitoring,
        tags=deployment.tags(),
        network=deployment.network,
    )
