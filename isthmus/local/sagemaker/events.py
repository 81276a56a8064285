"""The events that SageMaker puts on an account's default bus, with the names and cases that it sends."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from isthmus.executor import shapes
from isthmus.executor.record import Record
from isthmus.local.sagemaker.cloud import Cloud
from isthmus.local.sagemaker.state import Space

_PACKAGE = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "ModelApprovalStatus",
    "MetadataProperties",
    "ModelMetrics",
    "ModelLifeCycle",
)


def package_changed(cloud: Cloud, space: Space, record: Record, updated: list[str] | None) -> None:
    """`updated` names the fields that an UpdateModelPackage changed; None for a new package."""
    detail = {key: record[key] for key in _PACKAGE if record.get(key) is not None}
    detail["CreationTime"] = iso(record["CreationTime"])
    detail["LastModifiedTime"] = iso(record["LastModifiedTime"])
    if updated is not None:
        detail["UpdatedModelPackageFields"] = updated
    cloud.emit(
        space.account,
        space.region,
        "SageMaker Model Package State Change",
        [record["ModelPackageArn"]],
        detail,
    )


def execution_changed(cloud: Cloud, space: Space, record: Record, previous: str | None) -> None:
    status = record["PipelineExecutionStatus"]
    detail = {
        "pipelineExecutionDisplayName": record.get("PipelineExecutionDisplayName"),
        "currentPipelineExecutionStatus": status,
        "previousPipelineExecutionStatus": previous,
        "executionStartTime": iso(record["CreationTime"]),
        "executionEndTime": iso(record["LastModifiedTime"])
        if status not in ("Executing", "Stopping")
        else None,
        "pipelineExecutionDescription": record.get("PipelineExecutionDescription"),
        "pipelineArn": record["PipelineArn"],
        "pipelineExecutionArn": record["PipelineExecutionArn"],
    }
    cloud.emit(
        space.account,
        space.region,
        "SageMaker Model Building Pipeline Execution Status Change",
        [record["PipelineArn"], record["PipelineExecutionArn"]],
        _present(detail),
    )


def step_changed(cloud: Cloud, space: Space, execution: Record, step: Record, previous: str | None) -> None:
    metadata = {
        key[0].lower() + key[1:]: {name[0].lower() + name[1:]: value for name, value in content.items()}
        for key, content in step.get("Metadata", {}).items()
    }
    hit = step.get("CacheHitResult")
    detail = {
        "metadata": metadata,
        "stepName": step["StepName"],
        "stepType": step["_type"],
        "stepStartTime": iso(step["StartTime"]),
        "stepEndTime": iso(step["EndTime"]) if "EndTime" in step else None,
        "previousStepStatus": previous,
        "currentStepStatus": step["StepStatus"],
        "pipelineArn": execution["PipelineArn"],
        "pipelineExecutionArn": execution["PipelineExecutionArn"],
        "cacheHitResult": {"sourcePipelineExecutionArn": hit["SourcePipelineExecutionArn"]} if hit else None,
        "failureReason": step.get("FailureReason"),
    }
    cloud.emit(
        space.account,
        space.region,
        "SageMaker Model Building Pipeline Execution Step Status Change",
        [execution["PipelineArn"], execution["PipelineExecutionArn"]],
        _present(detail),
    )


def job_changed(cloud: Cloud, space: Space, kind: str, record: Record) -> None:
    """`kind` is Processing or Training; the detail mirrors Describe...Job, times in milliseconds."""
    described = shapes.trim(f"Describe{kind}Job", record)
    # AWS's own samples: strings for training jobs, integers for processing jobs.
    moment = (lambda value: str(_ms(value))) if kind == "Training" else _ms
    detail: Record = {
        key: moment(value) if _is_time(key, value) else value for key, value in described.items()
    }
    for change in detail.get("SecondaryStatusTransitions", []):
        change.update({key: moment(value) for key, value in change.items() if _is_time(key, value)})
    arn = record[f"{kind}JobArn"]
    cloud.emit(space.account, space.region, f"SageMaker {kind} Job State Change", [arn], detail)


def endpoint_changed(cloud: Cloud, space: Space, record: Record, tags: list[Record]) -> None:
    described = shapes.trim("DescribeEndpoint", record)
    detail = {
        "EndpointName": record["EndpointName"],
        "EndpointArn": record["EndpointArn"],
        "EndpointConfigName": record["EndpointConfigName"],
        "ProductionVariants": described.get("ProductionVariants", []),
        "EndpointStatus": _upper_snake(record["EndpointStatus"]),
        "FailureReason": record.get("FailureReason"),
        "CreationTime": _ms(record["CreationTime"]),
        "LastModifiedTime": _ms(record["LastModifiedTime"]),
        "Tags": {tag["Key"]: tag["Value"] for tag in tags},
    }
    for variant in detail["ProductionVariants"]:
        for status in variant.get("VariantStatus", []):
            status["StartTime"] = _ms(status["StartTime"])
    cloud.emit(
        space.account,
        space.region,
        "SageMaker Endpoint State Change",
        [record["EndpointArn"]],
        _present(detail),
    )


def deployment_changed(cloud: Cloud, space: Space, record: Record, config: str, statuses: Record) -> None:
    """A step of an endpoint's deployment; `statuses` says each new variant's."""
    variants = [
        {
            "VariantName": name,
            "VariantStatus": [{"Status": status, "StartTime": _ms(record["LastModifiedTime"])}],
        }
        for name, status in statuses.items()
    ]
    detail = {
        "EndpointName": record["EndpointName"],
        "EndpointArn": record["EndpointArn"],
        "EndpointConfigName": record["EndpointConfigName"],
        "EndpointStatus": _upper_snake(record["EndpointStatus"]),
        "CreationTime": _ms(record["CreationTime"]),
        "LastModifiedTime": _ms(record["LastModifiedTime"]),
        "PendingDeploymentSummary": {"EndpointConfigName": config, "ProductionVariants": variants},
    }
    cloud.emit(
        space.account,
        space.region,
        "SageMaker Endpoint Deployment State Change",
        [record["EndpointArn"]],
        detail,
    )


def iso(seconds: float) -> str:
    """2026-11-20T10:11:12.123Z"""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _is_time(key: str, value: object) -> bool:
    return key.endswith("Time") and isinstance(value, int | float)


def _upper_snake(status: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()


def _present(detail: Record) -> Record:
    return {key: value for key, value in detail.items() if value is not None}
