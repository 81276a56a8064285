"""The versions of a model in the SageMaker Model Registry: listed, approved, rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from isthmus.errors import BadInput, NotFound, Refused

Verdict = Literal["Approved", "Rejected"]


@dataclass(frozen=True)
class Version:
    """A model version. `metric` holds metric, value, ci_low and ci_high where the build recorded them."""

    arn: str
    model: str
    number: int
    status: str
    created: str
    metric: dict[str, Any]
    metadata: dict[str, str]
    stage: str
    changed_by: str
    comment: str

    @property
    def approved_by(self) -> str:
        """Who approved: as the deployment recorded it, else who changed the version last."""
        if self.status != "Approved":
            return ""
        return self.metadata.get("approved_by") or self.changed_by


def versions(sagemaker: Any, model: str) -> list[Version]:
    """All versions of a model, the newest first."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=model, SortBy="CreationTime", SortOrder="Descending"
    )
    return [
        _version(sagemaker.describe_model_package(ModelPackageName=one["ModelPackageArn"]))
        for page in pages
        for one in page["ModelPackageSummaryList"]
    ]


def find(sagemaker: Any, model: str, wanted: str | None) -> Version:
    """The version of that number or ARN, or the newest; raises `NotFound` naming those that exist."""
    existing = versions(sagemaker, model)
    if not existing:
        raise NotFound(f"{model} has no versions yet", todo="merge a pull request in its build repository")
    if wanted is None:
        return existing[0]
    for version in existing:
        if wanted in (version.arn, str(version.number)):
            return version
    numbers = ", ".join(str(version.number) for version in existing)
    raise NotFound(f"{model} has no version {wanted!r}", todo=f"versions there are: {numbers}")


def decide(sagemaker: Any, version: Version, verdict: Verdict, comment: str) -> None:
    """Approve or reject a version as the caller; raises `Refused` where it is so already."""
    if version.status == verdict:
        raise Refused(f"{version.model} {version.number} is {verdict} already", where=version.arn)
    if len(comment) > 1024:
        raise BadInput(f"the comment has {len(comment)} characters", todo="1,024 are the most")
    sagemaker.update_model_package(
        ModelPackageArn=version.arn,
        ModelApprovalStatus=verdict,
        **({"ApprovalDescription": comment} if comment else {}),
    )


def person(user: dict[str, Any]) -> str:
    """Who a SageMaker UserContext is: the Studio profile, else the role session's name."""
    if user.get("UserProfileName"):
        return str(user["UserProfileName"])
    arn: str = user.get("IamIdentity", {}).get("Arn", "")
    return arn.rsplit("/", 1)[-1] or arn


def _version(found: dict[str, Any]) -> Version:
    metadata = found.get("CustomerMetadataProperties", {})
    return Version(
        arn=found["ModelPackageArn"],
        model=found["ModelPackageGroupName"],
        number=found["ModelPackageVersion"],
        status=found["ModelApprovalStatus"],
        created=found["CreationTime"].isoformat(),
        metric=_metric(metadata),
        metadata=metadata,
        stage=found.get("ModelLifeCycle", {}).get("Stage", ""),
        changed_by=person(found.get("LastModifiedBy", {})),
        comment=found.get("ApprovalDescription", ""),
    )


def _metric(metadata: dict[str, str]) -> dict[str, Any]:
    try:
        numbers = {key: float(metadata[key]) for key in ("value", "ci_low", "ci_high", "threshold")}
    except (KeyError, ValueError):
        return {}
    return {"metric": metadata.get("metric", ""), **numbers}
