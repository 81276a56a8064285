"""Exactly the model version that was approved: what the registry says of it, checked before it is used."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isthmus.errors import BadInput, NotFound, Refused

ARN = re.compile(r"arn:aws:sagemaker:[a-z0-9-]+:\d{12}:model-package/[a-zA-Z0-9-]+/\d+")
FILE = "model-package.json"


@dataclass(frozen=True)
class Package:
    """A model version as its deployment needs it; URIs are S3 prefixes."""

    arn: str
    model: str
    version: int
    image: str
    artifact: str
    evaluation: str
    baseline: str
    metadata: dict[str, str]

    def write(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1, sort_keys=True))


def read(folder: Path) -> Package:
    """The package that an assembly was synthesized for."""
    try:
        return Package(**json.loads((folder / FILE).read_text()))
    except FileNotFoundError:
        raise BadInput(
            f"there is no {FILE} in the assembly", where=str(folder), todo="synthesize first"
        ) from None


def check_arn(arn: str) -> str:
    """The ARN if it is one of a numbered model version; raises `BadInput`."""
    if not ARN.fullmatch(arn):
        raise BadInput(
            f"not the ARN of a model version: {arn[:200]!r}",
            todo="give arn:aws:sagemaker:<region>:<account>:model-package/<model>/<version>",
        )
    return arn


def describe(sagemaker: Any, arn: str) -> Package:
    """What the registry says of `arn`.

    Raises `NotFound`, or `Refused` for a version that is not approved, not complete, or lacks what serving
    needs.
    """
    try:
        found = sagemaker.describe_model_package(ModelPackageName=check_arn(arn))
    except sagemaker.exceptions.ClientError as error:
        message = error.response["Error"]["Message"]
        raise NotFound(f"the registry does not give {arn}: {message}") from None
    _check(arn, found)
    container = found["InferenceSpecification"]["Containers"][0]
    metadata = {**_approval(found), **found.get("CustomerMetadataProperties", {})}
    return Package(
        arn=arn,
        model=found["ModelPackageGroupName"],
        version=found["ModelPackageVersion"],
        image=container["Image"],
        artifact=container["ModelDataUrl"],
        evaluation=metadata["evaluation_uri"],
        baseline=metadata["baseline_uri"],
        metadata=metadata,
    )


def _approval(found: dict[str, Any]) -> dict[str, str]:
    """Who approved: before its first deployment a version's last change is its approval, in Studio or here."""
    user = found.get("LastModifiedBy", {})
    who = user.get("UserProfileName") or user.get("IamIdentity", {}).get("Arn", "").rsplit("/", 1)[-1]
    return {"approved_by": who} if who else {}


def _check(arn: str, found: dict[str, Any]) -> None:
    if found["ModelApprovalStatus"] != "Approved":
        raise Refused(
            f"{arn} is not approved: {found['ModelApprovalStatus']}",
            todo="approve it first: isthmus approve MODEL VERSION",
        )
    if found.get("ModelPackageStatus", "Completed") != "Completed":
        raise Refused(f"{arn} is not complete: {found['ModelPackageStatus']}")
    containers = found.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1 or "@sha256:" not in containers[0].get("Image", ""):
        raise Refused(f"{arn} does not name one image by digest", todo="register it with `isthmus build run`")
    if not containers[0].get("ModelDataUrl"):
        raise Refused(f"{arn} has no model artifact", todo="register it with `isthmus build run`")
    missing = {"evaluation_uri", "baseline_uri"} - found.get("CustomerMetadataProperties", {}).keys()
    if missing:
        raise Refused(
            f"{arn} does not say where its {' and '.join(sorted(missing))} lie",
            todo="register it with `isthmus build run`",
        )
