"""Approves what a retraining registered, where platform.yaml has a rule for it and the figures are within it.

What others than the build can write is not gone by: neither events, nor the version's metadata. The figures
are those of the evaluation that the version was registered with: nobody can change its place, and one that
was written anew since is gone by no more. Why it was built is what the bridge itself asked for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bridge import execution, memory, models, notices, registry
from bridge.aws import client
from bridge.models import Approve
from bridge.run import RETRAINED
from bridge.settings import settings

APPROVER = "automatic"
"""Who approved, in the registry, where a rule did."""

REMEMBER_SECONDS = 90 * 24 * 3600
SHADOW = "drift"
# Of an evaluation, in bytes; one of a hundred slices has some twenty thousand.
LARGEST = 1_000_000


@dataclass(frozen=True)
class Ruling:
    """What the rule makes of a version, in words."""

    approves: bool
    words: str


class Outside(Exception):
    """The version is not within the rule's bounds: a person decides."""


def expect(run: str, reason: str) -> None:
    """Remember that the bridge itself asked for the run, and why."""
    memory.keep(f"retraining#{run}", reason, REMEMBER_SECONDS)


def ruling(package: Mapping[str, Any]) -> Ruling | None:
    """What the model's rule says of a version that waits; None where the model has no rule."""
    ours = models.find(package["ModelPackageGroupName"])
    if ours is None or ours.approve is None:
        return None
    try:
        words = _judged(ours.approve, package)
    except Outside as reason:
        return Ruling(False, f"Not approved by rule: {reason}")
    return Ruling(True, words)


def approve(package: Mapping[str, Any], words: str) -> None:
    """Approve, saying by which rule and which figures; once approved, again is the same."""
    model = package["ModelPackageGroupName"]
    client("sagemaker").update_model_package(
        ModelPackageArn=package["ModelPackageArn"],
        ModelApprovalStatus="Approved",
        ApprovalDescription=f"Approved automatically by retraining.approve of {model}: {words}"[:1024],
        CustomerMetadataProperties={"approved_by": APPROVER},
    )


def _judged(rule: Approve, package: Mapping[str, Any]) -> str:
    """The figures within the rule, in words; raises `Outside`."""
    because, run = _why_built(package)
    if because not in rule.when:
        raise Outside(f"built because of {because}, and the rule is for {', '.join(rule.when)}")
    found = _evaluation(package)
    try:
        value, bar = _number(found["value"]), _number(found["threshold"])
        metric = f"{notices.said(found['metric'], 40)} {value:.4g}, bar {bar:g}"
        if not _meets(found):
            raise Outside(f"it misses its bar: {metric}")
        if not (gain := found["gain"]):
            raise Outside("it was compared with no version in prod")
        low, high, gains = (_number(gain[key]) for key in ("ci_low", "ci_high", "value"))
        champion = str(found["champion"]["model_package_arn"])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise Outside(f"its evaluation lacks a figure: {notices.said(error)}") from None
    if not champion.startswith(f"{package['ModelPackageArn'].rpartition('/')[0]}/"):
        raise Outside("it was not compared with a version of its model")
    gained = f"gain {gains:.4g} [{low:.4g}, {high:.4g}] over version {champion.rpartition('/')[2]}"
    if not registry.serves(champion, "prod"):
        raise Outside(f"{gained}, which prod serves no more")
    if low < rule.least_gain:
        raise Outside(f"{gained}, of which the lower end is under {rule.least_gain:g}")
    return f"{gained}, at least {rule.least_gain:g}; {metric}; run {run}, because of {because}"


def _why_built(package: Mapping[str, Any]) -> tuple[str, str]:
    """What the version's run was asked for because of, and its number; of a run that the bridge asked for."""
    by = str(package.get("MetadataProperties", {}).get("GeneratedBy", ""))
    pipelines = f"arn:aws:sagemaker:{settings().region}:{settings().automation_account}:pipeline/"
    if not by.startswith(f"{pipelines}{package['ModelPackageGroupName']}/execution/"):
        raise Outside("no execution of its model's pipeline registered it")
    run = (execution.display_name(by) or "").removeprefix(execution.name_of(""))
    reason = memory.recall(f"retraining#{run}") if run.isdecimal() else ""
    if reason not in RETRAINED:
        raise Outside("no retraining that the bridge asked for built it")
    return RETRAINED[reason], run


def _evaluation(package: Mapping[str, Any]) -> dict[str, Any]:
    """What the evaluation wrote that the version was registered with."""
    quality = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    bucket, model = settings().artifacts, package["ModelPackageGroupName"]
    key = str(quality.get("S3Uri", "")).removeprefix(f"s3://{bucket}/")
    if not re.fullmatch(rf"{re.escape(model)}/runs/[A-Za-z0-9_./-]+/evaluation\.json", key):
        raise Outside("its evaluation does not lie among its model's runs")
    try:
        answer = client("s3").get_object(Bucket=bucket, Key=key)
        content = answer["Body"].read(LARGEST + 1)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "AccessDenied"):
            raise
        raise Outside("its evaluation cannot be read") from None
    # S3 itself says when, in whole seconds, cut: the run wrote it before it registered the version.
    if answer["LastModified"] > package["CreationTime"]:
        raise Outside("its evaluation was written anew after it was registered")
    if len(content) > LARGEST:
        raise Outside(f"its evaluation is larger than {LARGEST} bytes")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise Outside("its evaluation is not JSON, or nested too deep") from None
    if not isinstance(found, dict):
        raise Outside("its evaluation is none")
    return found


def _meets(found: Mapping[str, Any]) -> bool:
    sign = 1 if found["higher_is_better"] else -1
    return found["meets_threshold"] is True and sign * found["value"] >= sign * found["threshold"]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)
