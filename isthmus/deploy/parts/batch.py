"""The batch transform of exactly the version that was deployed, and what starts it: files, or the clock."""

from __future__ import annotations

from constructs import Construct

from isthmus import names
from isthmus.deploy.deployment import Deployment
from isthmus.deploy.parts.data_key import data_key
from isthmus.deploy.transform import Transform, definition
from isthmus.resource_types import aws_events as events
from isthmus.resource_types import aws_sagemaker as sagemaker
from isthmus.resource_types import aws_scheduler as scheduler


def make_batch(scope: Construct, deployment: Deployment, model: sagemaker.CfnModel) -> None:
    role = deployment.role(names.batch_role(deployment.platform, deployment.model))
    pipeline = sagemaker.CfnPipeline(
        scope,
        "Batch",
        pipeline_name=names.batch_pipeline(deployment.model),
        role_arn=role,
        pipeline_definition={
            "PipelineDefinitionBody": definition(_transform(scope, deployment, model.model_name or ""))
        },
    )
    pipeline.add_resource_dependency(model)
    if deployment.config.batch.on_arrival:
        _start_on_arrival(scope, deployment, pipeline, role)
    if deployment.config.batch.schedule:
        _start_by_clock(scope, deployment, pipeline, role)


def captures_uri(deployment: Deployment, model: str) -> str:
    """Where it is written down which files the version answered; `model` is SageMaker's."""
    return deployment.stored(f"{names.captures(deployment.model)}{model}")


def _transform(scope: Construct, deployment: Deployment, model: str) -> Transform:
    capacity = getattr(deployment.config.capacity, deployment.stage)
    return Transform(
        model=model,
        bucket=deployment.capture_bucket,
        requests=names.incoming(deployment.model),
        results=deployment.stored(names.results(deployment.model)),
        captures=captures_uri(deployment, model) if deployment.config.captured_percent else "",
        key_alias=deployment.key,
        data_key=data_key(scope, deployment),
        instance_type=capacity.instance_type,
        instance_count=capacity.instance_count,
        max_payload_mb=deployment.config.batch.max_payload_mb,
        tags=deployment.tags(),
    )


def _start_on_arrival(
    scope: Construct, deployment: Deployment, pipeline: sagemaker.CfnPipeline, role: str
) -> None:
    """Each file for itself, so that one which the model refuses keeps no other from its answer."""
    detail = {
        "bucket": {"name": [deployment.capture_bucket]},
        "object": {"key": [{"prefix": names.incoming(deployment.model)}]},
    }
    rule = events.CfnRule(
        scope,
        "Arrival",
        name=names.arrival_rule(deployment.platform, deployment.model),
        description=f"A file has arrived that {deployment.model} is to answer",
        event_pattern={"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail},
        targets=[
            {
                "id": "batch",
                "arn": _arn(deployment),
                "roleArn": role,
                "sageMakerPipelineParameters": {
                    "pipelineParameterList": [{"name": names.BATCH_KEY, "value": "$.detail.object.key"}]
                },
            }
        ],
    )
    rule.add_resource_dependency(pipeline)


def _start_by_clock(
    scope: Construct, deployment: Deployment, pipeline: sagemaker.CfnPipeline, role: str
) -> None:
    schedule = scheduler.CfnSchedule(
        scope,
        "BatchSchedule",
        name=names.batch_pipeline(deployment.model),
        schedule_expression=deployment.config.batch.schedule or "",
        flexible_time_window={"mode": "OFF"},
        target={"arn": _arn(deployment), "roleArn": role},
    )
    schedule.add_resource_dependency(pipeline)


def _arn(deployment: Deployment) -> str:
    name = names.batch_pipeline(deployment.model)
    return f"arn:aws:sagemaker:{deployment.region}:{deployment.account}:pipeline/{name}"
