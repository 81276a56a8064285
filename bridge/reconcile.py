"""Repairs what an event that never came has left: an approved version that no run was ever queued for.

The registry keeps when a version was modified last, not when it was approved. So this does not see a version
that has had a run, was rejected, and was approved again by an event that got lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from bridge import carry, waiting
from bridge.azure import azure_devops
from bridge.decisions import Run, deployment
from bridge.events import RECONCILER, iso
from bridge.models import ours
from bridge.tend import look_after
from bridge.trace import Trace, logger

# An event is late before it is lost; and an approval of last month is history, not a loss.
PATIENCE = timedelta(minutes=5)
MEMORY = timedelta(days=7)


def reconcile() -> dict[str, int]:
    """Queue what is missing for each model; raises the first error after every model has had its turn."""
    queued, errors = 0, []
    for model in sorted(ours()):
        try:
            queued += _repair(model)
        except Exception as error:  # noqa: BLE001  one model's trouble must not stop the next; raised below
            Trace().hop("failed", model=model, reason=f"reconciling: {type(error).__name__}: {error}")
            errors.append(error)
    for job in waiting.every():
        trace = Trace()
        try:
            look_after(job, trace)
        except Exception as error:  # noqa: BLE001  as above
            trace.hop("failed", run_id=job.build, reason=f"reconciling: {type(error).__name__}: {error}")
            errors.append(error)
    if errors:
        raise errors[0]
    return {"queued": queued}


def _repair(model: str) -> int:
    """Queue the missing runs of a model, the earliest approval first, but none that a later one overtook.

    Each under the key that its event would have had, so that an event that comes after all finds the run.
    """
    queued = [parameters for _, parameters in azure_devops().runs(f"{model}-deploy")]
    latest = max((_moment(parameters) for parameters in queued), default="")
    missing = list(_missing(model, {parameters.get("modelPackageArn") for parameters in queued}))
    due = sorted((run for run in missing if run.moment >= latest), key=lambda run: run.moment)
    if missing:
        logger.info("reconciled", model=model, missing=[run.key for run in missing], queued=len(due))
    for run in due:
        trace = Trace()
        trace.follow(run.parameters["correlationId"])
        trace.approval(model, run.parameters["modelPackageArn"])
        carry.out(run, trace)
    return len(due)


def _missing(model: str, deployed: set[str | None]) -> Iterator[Run]:
    """The runs of the versions that are approved, run nowhere, and never had a run."""
    sagemaker = boto3.client("sagemaker")
    listed = sagemaker.list_model_packages(
        ModelPackageGroupName=model,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=100,
    )["ModelPackageSummaryList"]
    for arn in (one["ModelPackageArn"] for one in listed):
        if arn not in deployed:
            found = sagemaker.describe_model_package(ModelPackageName=arn)
            if _waits(found):
                number = found["ModelPackageVersion"]
                yield deployment(model, arn, iso(_modified(found)), f"{RECONCILER}{model}-{number}")


def _waits(package: dict[str, Any]) -> bool:
    age = datetime.now(UTC) - _modified(package)
    complete = package["ModelPackageStatus"] == "Completed"
    # What was never modified was registered as approved: that is no person's approval.
    approved = _modified(package) > package["CreationTime"]
    return approved and complete and not package.get("ModelLifeCycle") and PATIENCE < age < MEMORY


def _modified(package: dict[str, Any]) -> datetime:
    found: datetime = package.get("LastModifiedTime") or package["CreationTime"]
    return found


def _moment(parameters: dict[str, str]) -> str:
    """When the version of a run was approved, as its key says."""
    return parameters.get("approvalKey", "").partition("#")[2]
