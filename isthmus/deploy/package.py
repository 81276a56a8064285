"""Exactly the model version that was approved: what the registry says of it, checked before it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from isthmus.aws import explained, is_machine, person
from isthmus.config import Platform
from isthmus.errors import BadInput, NotFound, Problem, Refused

ARN = re.compile(
    r"arn:aws:sagemaker:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"model-package/(?P<group>[a-zA-Z0-9-]+)/(?P<version>\d+)"
)
FILE = "model-package.json"
EVIDENCE = ("evaluation_uri", "baseline_uri")


@dataclass(frozen=True)
class Package:
    """A model version as its deployment needs it; `evaluation` and `baseline` are S3 prefixes.

    `registered` is when, as ISO text: from then on nothing of it is written any more.
    """

    arn: str
    model: str
    version: int
    image: str
    artifact: str
    evaluation: str
    baseline: str
    metadata: dict[str, str]
    registered: str

    def write(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1, sort_keys=True))


def read(folder: Path) -> Package:
    """The package that an assembly was synthesized for."""
    try:
        return Package(**json.loads((folder / FILE).read_text()))
    except FileNotFoundError:
        raise BadInput(
            f"there is no {FILE} in the assembly",
            where=str(folder),
            todo="isthmus deploy synth --output " + str(folder),
        ) from None
    except (ValueError, TypeError):
        raise BadInput("not the description of a model version", where=str(folder / FILE)) from None


def check_arn(platform: Platform, arn: str) -> str:
    """The ARN if it is one of a numbered version in the platform's registry; raises `BadInput`, `Refused`."""
    match = ARN.fullmatch(arn)
    if match is None:
        raise BadInput(
            f"not the ARN of a model version: {arn[:200]!r}",
            todo="give arn:aws:sagemaker:<region>:<account>:model-package/<model>/<version>",
        )
    registry = (platform.region, platform.accounts.automation)
    if (match["region"], match["account"]) != registry:
        raise Refused(
            f"{arn} lies in another registry",
            todo=f"the platform's is in account {registry[1]}, region {registry[0]}",
        )
    platform.model(match["group"])
    return arn


def describe(sagemaker: Any, arn: str) -> Package:
    """What the registry says of `arn`.

    Raises `NotFound`, or `Refused` for a version that is not approved, not complete, or lacks what serving
    needs, and where the caller may not see it.
    """
    found = _found(sagemaker, arn)
    _check(arn, found)
    container = found["InferenceSpecification"]["Containers"][0]
    metadata = found.get("CustomerMetadataProperties", {}) | decision(found)
    return Package(
        arn=arn,
        model=found["ModelPackageGroupName"],
        version=found["ModelPackageVersion"],
        image=container["Image"],
        artifact=container["ModelDataUrl"],
        evaluation=metadata["evaluation_uri"],
        baseline=metadata["baseline_uri"],
        metadata=metadata,
        registered=found["CreationTime"].isoformat(),
    )


def _found(sagemaker: Any, arn: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
    except sagemaker.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
            raise NotFound(
                f"the registry has no {arn}", todo="isthmus models shows the versions that there are"
            ) from None
        raise explained(error) from None
    return found


def decision(found: Mapping[str, Any]) -> dict[str, str]:
    """Who approved or rejected, and when, for who is about to change the version: the last change is theirs.

    Nothing where a job or a rule changed it last, which wrote down whose decision it was.
    """
    who = person(found.get("LastModifiedBy", {}))
    if not who or is_machine(who):
        return {}
    if found["ModelApprovalStatus"] == "Rejected":
        return {"rejected_by": who}
    when = found["LastModifiedTime"].astimezone(UTC).isoformat(timespec="seconds")
    return {"approved_by": who, "approved_at": when} if found["ModelApprovalStatus"] == "Approved" else {}


def _check(arn: str, found: Mapping[str, Any]) -> None:
    if found.get("ModelApprovalStatus") != "Approved":
        raise Refused(
            f"{arn} is not approved: {found.get('ModelApprovalStatus')}",
            todo="approve it first: isthmus approve MODEL VERSION",
        )
    if found.get("ModelPackageStatus") != "Completed":
        raise Refused(f"{arn} is not complete: {found.get('ModelPackageStatus')}")
    containers = found.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1 or "@sha256:" not in containers[0].get("Image", ""):
        raise _unregistered(f"{arn} does not name one image by digest")
    if not containers[0].get("ModelDataUrl"):
        raise _unregistered(f"{arn} has no model artifact")
    missing = [key for key in EVIDENCE if not found.get("CustomerMetadataProperties", {}).get(key)]
    if missing:
        raise _unregistered(f"{arn} does not say where its {' and '.join(missing)} lie")


def _unregistered(what: str) -> Problem:
    return Refused(what, todo="register it by the model-build pipeline")
