"""Repairs what an event that never came has left: an approved version for which no run was ever queued."""

from __future__ import annotations

import time
from typing import Any

import boto3

from bridge import carry
from bridge.azure import AzureDevOps
from bridge.decisions import deployment
from bridge.settings import settings
from bridge.trace import Trace

# An event is late before it is lost.
PATIENCE_SECONDS = 300


def reconcile() -> dict[str, int]:
    """Queue a run for the newest approved version of each model that has none and runs nowhere.

    Only the newest: an older approval that was lost has been overtaken. The key is the version's own, so that
    an event that comes after all finds this run.
    """
    sagemaker = boto3.client("sagemaker")
    repaired = 0
    for model in sorted(settings().models):
        listed = sagemaker.list_model_packages(
            ModelPackageGroupName=model,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )["ModelPackageSummaryList"]
        for one in listed:
            repaired += _repair(
                model, sagemaker.describe_model_package(ModelPackageName=one["ModelPackageArn"])
            )
    return {"repaired": repaired}


def _repair(model: str, package: dict[str, Any]) -> int:
    if package.get("ModelLifeCycle") or _age(package) < PATIENCE_SECONDS:
        return 0
    arn = package["ModelPackageArn"]
    azure = AzureDevOps(settings())
    run = deployment(model, arn, "reconciled", f"reconciler-{arn.rsplit('/', 1)[-1]}")
    if azure.find_version(run.pipeline, arn):
        return 0
    trace = Trace(None)
    trace.correlation_id = run.parameters["correlationId"]
    carry.out(run, trace)
    return 1


def _age(package: dict[str, Any]) -> float:
    modified = package.get("LastModifiedTime") or package["CreationTime"]
    return float(time.time() - modified.timestamp())
