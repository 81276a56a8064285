"""What the registry keeps of a version's deployments, in its metadata and its life cycle.

The truth that `isthmus rollback`, the bridge and lineage go by. A deploy role may only write about its own
stage, so each change names it. For each stage:

==========================  =========================================================================
`<stage>_run_id`            the run of Azure Pipelines that brought the version there last
`<stage>_at`                when that run had done so
`<stage>_endpoint`          by which endpoint it was asked
`<stage>_endpoint_config`   by which configuration: deleted by the next, but named on what was captured
`<stage>_turned_back`       why its newest rollout was turned back; gone when it comes through
`<stage>_rolled_back`       why people took it away again; gone when it comes back
==========================  =========================================================================
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from isthmus.config import Stage
from isthmus.deploy.package import Package, decision
from isthmus.serving import Serving

IN_SERVICE, RETIRED, TURNED_BACK = "InService", "Retired", "TurnedBack"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
LONGEST = 256


def deployed(sagemaker: Any, package: Package, serving: Serving, run_id: str) -> None:
    """Write down where the version runs and which run brought it there; idempotent.

    This is an update of metadata: the event that it causes names no change of approval and starts nothing.
    A version has one stage in the registry: one that serves prod keeps it when it passes staging again.
    """
    stage = serving.stage
    current = sagemaker.describe_model_package(ModelPackageName=package.arn)
    if stage == "staging" and _serves(current, "prod"):
        return
    wanted = {
        f"{stage}_run_id": run_id,
        f"{stage}_endpoint": serving.endpoint,
        f"{stage}_endpoint_config": serving.endpoint_config,
    }
    cycle = {"Stage": stage, "StageStatus": IN_SERVICE, "StageDescription": f"run {run_id}"}
    metadata = current.get("CustomerMetadataProperties", {})
    wanted |= decision(current)
    if metadata.get(f"{stage}_run_id") != run_id:
        wanted[f"{stage}_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    over = [key for key in (f"{stage}_turned_back", f"{stage}_rolled_back") if key in metadata]
    if current.get("ModelLifeCycle") == cycle and metadata.items() >= wanted.items() and not over:
        return
    sagemaker.update_model_package(
        ModelPackageArn=package.arn,
        CustomerMetadataProperties=wanted,
        ModelLifeCycle=cycle,
        **({"CustomerMetadataPropertiesToRemove": over} if over else {}),
    )


def replaced(sagemaker: Any, arn: str, stage: Stage, run_id: str, rollback: str) -> None:
    """Write down that a version no longer serves the stage: it is not the one to beat.

    `rollback` says why people went back to an earlier one, and who.
    """
    current = sagemaker.describe_model_package(ModelPackageName=arn)
    if not _serves(current, stage):
        return
    why = f"rolled back by run {run_id}" if rollback else f"replaced by run {run_id}"
    kept = decision(current)
    if rollback:
        kept[f"{stage}_rolled_back"] = _kept(f"run {run_id}: {rollback}")
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelLifeCycle={"Stage": stage, "StageStatus": RETIRED, "StageDescription": why},
        **({"CustomerMetadataProperties": kept} if kept else {}),
    )


def turned_back(sagemaker: Any, arn: str, stage: Stage, run_id: str, why: str) -> None:
    """Write down that its rollout was turned back; it may still serve by an earlier configuration."""
    current = sagemaker.describe_model_package(ModelPackageName=arn)
    if stage == "staging" and _serves(current, "prod"):
        return
    cycle = {"Stage": stage, "StageStatus": TURNED_BACK, "StageDescription": f"by run {run_id}"}
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties=decision(current)
        | {f"{stage}_turned_back": _kept(f"run {run_id}: {why}")},
        ModelLifeCycle=current["ModelLifeCycle"] if _serves(current, stage) else cycle,
    )


def _kept(text: str) -> str:
    """The text as a value of metadata may be: letters, digits, blanks and a few signs, and not long."""
    return re.sub(r"[^\w .:/=+@-]+", " ", text)[:LONGEST]


def _serves(described: dict[str, Any], stage: Stage) -> bool:
    cycle = described.get("ModelLifeCycle", {})
    return (cycle.get("Stage"), cycle.get("StageStatus")) == (stage, IN_SERVICE)
