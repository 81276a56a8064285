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
`<stage>_models`            SageMaker's models behind it: deleted by the next, and named nowhere else once the
                            configuration is gone
`<stage>_compared_config`   by which configuration it was compared with the version that served
`<stage>_compared_with`     the number of that version
`<stage>_compared_how`      what decides, in the words of `Compare.record`
`<stage>_compared_at`       since when
`<stage>_promoted`          why people had it serve alone after that
==========================  =========================================================================

A version that is compared is the stage's `Challenger`: the one that serves stays `InService`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from isthmus import names
from isthmus.config import Stage
from isthmus.deploy.package import Package, decision
from isthmus.serving import Serving

RETIRED, TURNED_BACK = "Retired", "TurnedBack"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
LONGEST = 256


@dataclass(frozen=True)
class Why:
    """Who wants a deployment and why, in their words: to go back to a version, or to end its comparison."""

    rollback: str = ""
    promote: str = ""


NO_REASON = Why()


@dataclass(frozen=True)
class Recorded:
    """A version that serves or is compared somewhere, as the registry says."""

    arn: str
    approved: bool
    stage: str
    status: str
    metadata: Mapping[str, str]

    def is_at(self, stage: Stage) -> bool:
        return self.stage == stage

    def serves(self, stage: Stage) -> bool:
        return (self.stage, self.status) == (stage, names.SERVES)

    def made(self, stage: Stage) -> set[str]:
        """The endpoint configurations and models that it may have at the stage, a killed run's too."""
        keys = (f"{stage}_endpoint_config", f"{stage}_compared_config", f"{stage}_models")
        return {name for key in keys for name in self.metadata.get(key, "").split()}


def recorded(sagemaker: Any, registry_arn: str) -> Iterator[Recorded]:
    """The versions of the same model that serve or are compared, whichever stage it is."""
    group = registry_arn.rsplit("/", 1)[0].replace(":model-package/", ":model-package-group/")
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    for one in (one for page in pages for one in page["ModelPackageSummaryList"]):
        if one.get("ModelLifeCycle", {}).get("StageStatus") in (names.SERVES, names.COMPARED):
            found = sagemaker.describe_model_package(ModelPackageName=one["ModelPackageArn"])
            yield Recorded(
                one["ModelPackageArn"],
                found.get("ModelApprovalStatus") == "Approved",
                found["ModelLifeCycle"]["Stage"],
                found["ModelLifeCycle"]["StageStatus"],
                found.get("CustomerMetadataProperties", {}),
            )


def deployed(sagemaker: Any, package: Package, serving: Serving, run_id: str, why: Why = NO_REASON) -> None:
    """Write down where the version runs and which run brought it there; idempotent.

    This is an update of metadata: the event that it causes names no change of approval and starts nothing.
    A version has one stage in the registry: one of prod keeps it when it passes staging again.
    """
    stage = serving.stage
    current = sagemaker.describe_model_package(ModelPackageName=package.arn)
    if stage == "staging" and not _is_over(current, "prod"):
        return
    wanted = {
        f"{stage}_run_id": run_id,
        f"{stage}_endpoint": serving.endpoint,
        f"{stage}_endpoint_config": serving.endpoint_config,
        f"{stage}_models": " ".join(serving.models),
    }
    if why.promote:
        wanted[f"{stage}_promoted"] = _kept(f"run {run_id}: {why.promote}")
    _record(sagemaker, package, current, stage, names.SERVES, wanted)


def compared(
    sagemaker: Any, package: Package, champion: Package, how: str, serving: Serving, run_id: str
) -> None:
    """Write down that the version is compared with `champion`, which goes on serving; idempotent."""
    stage = serving.stage
    current = sagemaker.describe_model_package(ModelPackageName=package.arn)
    wanted = {
        f"{stage}_run_id": run_id,
        f"{stage}_endpoint": serving.endpoint,
        f"{stage}_models": " ".join(serving.models),
        f"{stage}_compared_config": serving.endpoint_config,
        f"{stage}_compared_with": str(champion.version),
        f"{stage}_compared_how": how,
    }
    before = current.get("CustomerMetadataProperties", {})
    if before.get(f"{stage}_compared_config") != serving.endpoint_config or _is_over(current, stage):
        wanted[f"{stage}_compared_at"] = _now()
    _record(sagemaker, package, current, stage, names.COMPARED, wanted)


def _record(
    sagemaker: Any,
    package: Package,
    current: dict[str, Any],
    stage: Stage,
    status: str,
    wanted: dict[str, str],
) -> None:
    """Change what differs; a moment is written with what it belongs to, and no other time."""
    run_id = wanted[f"{stage}_run_id"]
    cycle = {"Stage": stage, "StageStatus": status, "StageDescription": f"run {run_id}"}
    metadata = current.get("CustomerMetadataProperties", {})
    wanted |= decision(current)
    if metadata.get(f"{stage}_run_id") != run_id:
        wanted[f"{stage}_at"] = _now()
    over = [key for key in (f"{stage}_turned_back", f"{stage}_rolled_back") if key in metadata]
    if current.get("ModelLifeCycle") == cycle and metadata.items() >= wanted.items() and not over:
        return
    sagemaker.update_model_package(
        ModelPackageArn=package.arn,
        CustomerMetadataProperties=wanted,
        ModelLifeCycle=cycle,
        **({"CustomerMetadataPropertiesToRemove": over} if over else {}),
    )


def replaced(sagemaker: Any, arn: str, stage: Stage, run_id: str, why: Why) -> None:
    """Write down that a version no longer serves the stage, or is compared: it is not the one to beat.

    One that was only compared never served alone, and nobody shall go back to it unasked.
    """
    current = sagemaker.describe_model_package(ModelPackageName=arn)
    if _is_over(current, stage):
        return
    gone = why.rollback or ("" if _serves(current, stage) else "another took its place in the comparison")
    said = f"rolled back by run {run_id}" if gone else f"replaced by run {run_id}"
    kept = decision(current)
    if gone:
        kept[f"{stage}_rolled_back"] = _kept(f"run {run_id}: {gone}")
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelLifeCycle={"Stage": stage, "StageStatus": RETIRED, "StageDescription": said},
        **({"CustomerMetadataProperties": kept} if kept else {}),
    )


def turned_back(sagemaker: Any, arn: str, stage: Stage, run_id: str, why: str) -> None:
    """Write down that its rollout was turned back; it may still serve by an earlier configuration."""
    current = sagemaker.describe_model_package(ModelPackageName=arn)
    if stage == "staging" and not _is_over(current, "prod"):
        return
    cycle = {"Stage": stage, "StageStatus": TURNED_BACK, "StageDescription": f"by run {run_id}"}
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties=decision(current)
        | {f"{stage}_turned_back": _kept(f"run {run_id}: {why}")},
        ModelLifeCycle=cycle if _is_over(current, stage) else current["ModelLifeCycle"],
    )


def _kept(text: str) -> str:
    """The text as a value of metadata may be: letters, digits, blanks and a few signs, and not long."""
    return re.sub(r"[^\w .:/=+@-]+", " ", text)[:LONGEST]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _is_over(described: dict[str, Any], stage: Stage) -> bool:
    """Whether it neither serves the stage nor is compared there."""
    cycle = described.get("ModelLifeCycle", {})
    return cycle.get("Stage") != stage or cycle.get("StageStatus") not in (names.SERVES, names.COMPARED)


def _serves(described: dict[str, Any], stage: Stage) -> bool:
    cycle = described.get("ModelLifeCycle", {})
    return (cycle.get("Stage"), cycle.get("StageStatus")) == (stage, names.SERVES)
