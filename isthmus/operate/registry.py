"""The versions of a model in the SageMaker Model Registry: listed, approved, rejected."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from isthmus import names
from isthmus.aws import is_machine, person
from isthmus.config import STAGES, Stage
from isthmus.config.reasons import BY_RULE, REASONS
from isthmus.errors import BadInput, NotFound, Refused
from isthmus.operate.gain import Gain, recorded

Verdict = Literal["Approved", "Rejected"]
LONGEST_COMMENT = 1024


@dataclass(frozen=True)
class Version:
    """A model version.

    `status` is that of its approval, `state` that of the package itself (Completed, Failed, ...); `metric`
    holds metric, value, ci_low, ci_high and threshold where the build recorded them; `gain` is what it won
    over the version that was in prod then. Both are copies: `judged` is where its evaluation lies.
    """

    arn: str
    model: str
    number: int
    status: str
    state: str
    created: str
    changed: str
    metric: dict[str, Any]
    metadata: dict[str, str]
    stage: str
    changed_by: str
    comment: str
    execution: str
    gain: Gain | None = None
    image: str = ""
    stage_status: str = ""
    judged: str = ""

    @property
    def name(self) -> str:
        """What people call it: seattle-rain/1."""
        return f"{self.model}/{self.number}"

    @property
    def is_shadow(self) -> bool:
        """Trained because inputs drifted, to be looked at: it waits for nobody."""
        return self.status == "PendingManualApproval" and self.metadata.get("reason") == REASONS["drift"]

    @property
    def rolled_back(self) -> dict[Stage, str]:
        """Why people took it away from a stage, by the stage; gone when it comes back there."""
        told: dict[Stage, str] = {stage: self.metadata.get(f"{stage}_rolled_back", "") for stage in STAGES}
        return {stage: why for stage, why in told.items() if why}

    @property
    def automatic(self) -> bool:
        """Whether a rule approved it, and no person."""
        return self.approved_by == BY_RULE

    @property
    def approved_by(self) -> str:
        """Who approved. Approvers can change nothing without deciding: the last change is the decision.

        Where a deployment or a rule changed the version since, they wrote down whose it was.
        """
        return self._decided("approved_by") if self.status == "Approved" else ""

    @property
    def decided_by(self) -> str:
        """Who approved or rejected; empty while nobody has."""
        return self._decided("rejected_by") if self.status == "Rejected" else self.approved_by

    def _decided(self, recorded: str) -> str:
        by_machine = is_machine(self.changed_by) or not self.changed_by
        return self.metadata.get(recorded) or self.changed_by if by_machine else self.changed_by

    @property
    def approved_at(self) -> str:
        """When it was approved; its last change is that until a deployment wrote the moment down."""
        return self.decided_at if self.status == "Approved" else ""

    @property
    def decided_at(self) -> str:
        """When it was approved or rejected; empty while nobody has."""
        if self.status == "Rejected":
            return self.changed
        recorded = self.metadata.get("approved_at") if is_machine(self.changed_by) else ""
        return (recorded or self.changed) if self.status == "Approved" else ""


def versions(sagemaker: Any, model: str) -> list[Version]:
    """All versions of a model, the newest first; none where nothing was ever registered."""
    return [describe(sagemaker, one["ModelPackageArn"]) for one in _summaries(sagemaker, model)]


def pending(sagemaker: Any, model: str) -> list[Version]:
    """The versions that wait for an approver, the newest first; shadows wait for nobody."""
    waiting = _summaries(sagemaker, model, ModelApprovalStatus="PendingManualApproval")
    found = [describe(sagemaker, one["ModelPackageArn"]) for one in waiting]
    return [one for one in found if not one.is_shadow]


def by_stack(sagemaker: Any, models: Iterable[str]) -> tuple[list[str], list[str]]:
    """The models that have a group, and those that no stack has made one for yet.

    People read groups by their tags: who asks for one that is not there is denied. Raises `Refused` where
    that is so of every model, for then it may be who asks.
    """
    asked, denied = list(models), []
    for model in asked:
        try:
            next(_summaries(sagemaker, model, MaxResults=1), None)
        except Refused:
            denied.append(model)
            if len(denied) == len(asked):
                raise
    return [model for model in asked if model not in denied], denied


def find(sagemaker: Any, model: str, wanted: str | None) -> Version:
    """The version of that number or ARN, or the newest; raises `NotFound` naming those that exist."""
    existing = list(_summaries(sagemaker, model))
    if not existing:
        raise NotFound(f"{model} has no versions yet", todo="merge a pull request in its build repository")
    for one in existing:
        if wanted in (None, one["ModelPackageArn"], str(one["ModelPackageVersion"])):
            return describe(sagemaker, one["ModelPackageArn"])
    numbers = ", ".join(str(one["ModelPackageVersion"]) for one in existing[:10])
    raise NotFound(f"{model} has no version {wanted!r}", todo=f"versions there are: {numbers}")


def decide(sagemaker: Any, version: Version, verdict: Verdict, comment: str) -> None:
    """Approve or reject a version as the caller, who then is the one that changed it last.

    Raises `Refused` where it is so already, or where there is nothing that could be approved.
    """
    if version.status == verdict:
        who = f" by {version.decided_by}" if version.decided_by else ""
        raise Refused(
            f"{version.model} version {version.number} is {verdict} already{who}", where=version.arn
        )
    if verdict == "Approved" and version.state != "Completed":
        raise Refused(
            f"{version.model} version {version.number} is {version.state}: only a complete one is approved",
            where=version.arn,
        )
    if len(comment) > LONGEST_COMMENT:
        raise BadInput(f"the comment has {len(comment)} characters", todo=f"{LONGEST_COMMENT} are the most")
    # What a deployment wrote down of an earlier decision.
    over = [key for key in names.DECISION if key in version.metadata]
    sagemaker.update_model_package(
        ModelPackageArn=version.arn,
        ModelApprovalStatus=verdict,
        **({"ApprovalDescription": comment} if comment else {}),
        **({"CustomerMetadataPropertiesToRemove": over} if over else {}),
    )


def moment(at: datetime) -> str:
    """A moment of AWS as Azure DevOps writes its own: in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def describe(sagemaker: Any, arn: str) -> Version:
    """The version of that ARN, which must exist."""
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    metadata = found.get("CustomerMetadataProperties", {})
    return Version(
        arn=found["ModelPackageArn"],
        model=found["ModelPackageGroupName"],
        number=found["ModelPackageVersion"],
        status=found["ModelApprovalStatus"],
        state=found["ModelPackageStatus"],
        created=found["CreationTime"].isoformat(),
        changed=moment(found.get("LastModifiedTime") or found["CreationTime"]),
        metric=_metric(metadata),
        metadata=metadata,
        stage=found.get("ModelLifeCycle", {}).get("Stage", ""),
        judged=_judged(found),
        stage_status=found.get("ModelLifeCycle", {}).get("StageStatus", ""),
        changed_by=person(found.get("LastModifiedBy", {})),
        comment=found.get("ApprovalDescription", ""),
        execution=found.get("MetadataProperties", {}).get("GeneratedBy", ""),
        gain=recorded(metadata),
        image=next((one["Image"] for one in _containers(found)), ""),
    )


def _judged(found: dict[str, Any]) -> str:
    """The evaluation that the version was registered with; only a registration can say it."""
    quality = found.get("ModelMetrics", {}).get("ModelQuality", {})
    return str(quality.get("Statistics", {}).get("S3Uri", ""))


def _containers(found: dict[str, Any]) -> list[dict[str, Any]]:
    containers: list[dict[str, Any]] = found.get("InferenceSpecification", {}).get("Containers", [])
    return containers


def _summaries(sagemaker: Any, model: str, **only: str | int) -> Iterator[dict[str, Any]]:
    """The versions as ListModelPackages has them; raises `Refused` where AWS does not let this caller see."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=model, SortBy="CreationTime", SortOrder="Descending", **only
    )
    try:
        for page in pages:
            yield from page["ModelPackageSummaryList"]
    except sagemaker.exceptions.ClientError as error:
        said = error.response["Error"]
        if said["Code"] == "AccessDeniedException":
            raise Refused(
                f"{model} has no stack yet, or you may not see its versions",
                where=said["Message"],
                todo="isthmus infra deploy, after isthmus infra synth; or ask who administers the platform",
            ) from None
        if "does not exist" not in said["Message"]:
            raise


def _metric(metadata: dict[str, str]) -> dict[str, Any]:
    try:
        numbers = {key: float(metadata[key]) for key in ("value", "ci_low", "ci_high", "threshold")}
    except (KeyError, ValueError):
        return {}
    if not all(map(math.isfinite, numbers.values())):
        return {}
    return {"metric": metadata.get("metric", ""), **numbers}
