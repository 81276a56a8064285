"""The version to beat: the model package that prod runs, laid out as a job's input."""

from __future__ import annotations

import hashlib
from typing import Any

from isthmus import names
from isthmus.build.content import File, upload
from isthmus.container.versions import ARN_FILE, NONE, RECORD
from isthmus.s3 import read_object


def in_prod(sagemaker: Any, group: str) -> dict[str, Any] | None:
    """The description of the model package that serves prod, the newest of several; None where none does."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    for page in pages:
        for one in page["ModelPackageSummaryList"]:
            described: dict[str, Any] = sagemaker.describe_model_package(
                ModelPackageName=one["ModelPackageArn"]
            )
            cycle = described.get("ModelLifeCycle", {})
            if (cycle.get("Stage"), cycle.get("StageStatus")) == ("prod", names.SERVES):
                return described
    return None


def stage_champion(s3: Any, bucket: str, model: str, champion: dict[str, Any] | None) -> str:
    """The S3 prefix with the champion's artifact and ARN, or with the marker for none."""
    if champion is None:
        return upload(s3, bucket, f"{model}/champion/none/", [File(NONE, b"none\n")])
    arn: str = champion["ModelPackageArn"]
    evaluation = champion["CustomerMetadataProperties"]["evaluation_uri"].rstrip("/")
    files = [
        File(
            "model.tar.gz",
            read_object(s3, champion["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]),
        ),
        File(ARN_FILE, f"{arn}\n".encode()),
        *(File(name, read_object(s3, f"{evaluation}/{name}")) for name in RECORD),
        *_baseline(s3, champion["CustomerMetadataProperties"].get("baseline_uri", "")),
    ]
    folder = hashlib.sha256(arn.encode()).hexdigest()[:16]
    return upload(s3, bucket, f"{model}/champion/{folder}/", files)


def _baseline(s3: Any, uri: str) -> list[File]:
    """What its training rows were like; nothing where that is gone: it is shown, and decides nothing."""
    try:
        return [File("baseline.json", read_object(s3, f"{uri.rstrip('/')}/baseline.json"))] if uri else []
    except s3.exceptions.NoSuchKey:
        return []
