"""The SageMaker Model Registry as the bridge reads it."""

from __future__ import annotations

from typing import Any

from bridge.aws import client
from isthmus import agreement
from isthmus.names import SERVES


def latest(model: str, status: str) -> list[str]:
    """The ARNs of the model's latest hundred versions of that approval status, the newest first."""
    listed = client("sagemaker").list_model_packages(
        ModelPackageGroupName=model,
        ModelApprovalStatus=status,
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=100,
    )
    return [one["ModelPackageArn"] for one in listed["ModelPackageSummaryList"]]


def find(arn: str) -> dict[str, Any] | None:
    """The version as `DescribeModelPackage` has it; None where it was deleted."""
    return agreement.find(client("sagemaker"), arn)


def serves(arn: str, stage: str) -> bool:
    """Whether the version serves that stage now, as its deployment wrote down."""
    cycle = (find(arn) or {}).get("ModelLifeCycle", {})
    return (cycle.get("Stage"), cycle.get("StageStatus")) == (stage, SERVES)


def describe(arn: str) -> dict[str, Any]:
    """The version as `DescribeModelPackage` has it."""
    found: dict[str, Any] = client("sagemaker").describe_model_package(ModelPackageName=arn)
    return found
