"""What waits for people: versions in the registry, and stages of runs that nobody has let pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bridge import automatic, models, notices, registry
from bridge.automatic import Ruling
from bridge.azure import azure_devops
from bridge.notices import Waiting
from bridge.settings import settings
from bridge.trace import Trace

INFRASTRUCTURE = "infrastructure"


def version(arn: str) -> list[str]:
    """Approve a version that still waits where a rule does, else tell what is due; returns what was done."""
    package = registry.find(arn)
    if package is None:
        return []
    state = (package["ModelApprovalStatus"], package["ModelPackageStatus"])
    if state != ("PendingManualApproval", "Completed"):
        return []
    if package.get("CustomerMetadataProperties", {}).get("reason") == automatic.SHADOW:
        return notices.tell(_shadow(package))
    ruling = automatic.ruling(package)
    if ruling is None or not ruling.approves:
        return notices.tell(_undecided(package, ruling))
    # People are told first: nothing is approved past them, and what fails in between is done again.
    notices.tell(_approved(package, ruling.words))
    automatic.approve(package, ruling.words)
    return ["approved automatically"]


def _undecided(package: Mapping[str, Any], ruling: Ruling | None) -> Waiting:
    model, number = _name(package)
    return Waiting(
        subject=package["ModelPackageArn"],
        what=f"Version {number} of {model} waits for an approver",
        since=package["CreationTime"],
        lines=lambda: [
            *_known(package),
            *([ruling.words] if ruling else []),
            f"Do: isthmus approve {model} {number}",
            f"Or: isthmus reject {model} {number} --comment WHY",
        ],
    )


def _approved(package: Mapping[str, Any], words: str) -> Waiting:
    model, number = _name(package)
    return Waiting(
        subject=f"{package['ModelPackageArn']}#automatic",
        what=f"Version {number} of {model} is approved automatically",
        since=datetime.now(UTC),
        lines=lambda: [
            f"By retraining.approve in platform.yaml: {words}.",
            *_known(package),
            "It is deployed to staging, and prod waits for a person.",
            f"To stop it: isthmus reject {model} {number} --comment WHY",
        ],
    )


def _shadow(package: Mapping[str, Any]) -> Waiting:
    """Nobody has to decide about it, so nobody is reminded."""
    model, number = _name(package)
    return Waiting(
        subject=f"{package['ModelPackageArn']}#shadow",
        what=f"Version {number} of {model} was trained in the shadow",
        since=datetime.now(UTC),
        lines=lambda: [
            "Its inputs drifted, and no loss of quality is known: it shows what a retraining would give.",
            *_known(package),
            "Nothing waits for anybody.",
        ],
    )


def _name(package: Mapping[str, Any]) -> tuple[str, int]:
    return package["ModelPackageGroupName"], package["ModelPackageVersion"]


def _known(package: Mapping[str, Any]) -> list[str]:
    metadata = package.get("CustomerMetadataProperties", {})
    return [*_figures(metadata), *notices.see_run(metadata.get("run_id", ""))]


def versions(model: str, trace: Trace) -> None:
    """Tell what is due of all versions of the model that wait; what fails of one keeps no other from it."""
    failed: Exception | None = None
    for arn in registry.latest(model, "PendingManualApproval"):
        try:
            for told in version(arn):
                trace.hop(told, reason=arn)
        except Exception as error:  # noqa: BLE001  raised once the others are told
            failed = failed or error
    if failed:
        raise failed


def stages(trace: Trace) -> None:
    """Tell what is due of each run that waits for an approval: its environment and connection ask at once."""
    waiting: dict[str, list[Mapping[str, Any]]] = {}
    for one in azure_devops().approvals():
        pipeline = one.get("pipeline") or {}
        run = str((pipeline.get("owner") or {}).get("id") or "")
        name = str(pipeline.get("name", ""))
        if run and (name == INFRASTRUCTURE or name.endswith("-deploy")):
            waiting.setdefault(run, []).append(one)
    for run, asked in waiting.items():
        if _is_ours(asked[0]["pipeline"]["name"]):
            for told in notices.tell(_stage(run, asked)):
                trace.hop(told, run_id=run)


def _is_ours(pipeline: str) -> bool:
    return pipeline == INFRASTRUCTURE or models.is_ours(pipeline.removesuffix("-deploy"))


def _stage(run: str, asked: list[Mapping[str, Any]]) -> Waiting:
    return Waiting(
        subject=f"run {run}",
        what=f"Run {run} of {asked[0]['pipeline']['name']} waits for approval",
        since=min(_moment(one["createdOn"]) for one in asked),
        lines=lambda: [
            *_deployed(run, asked[0]["pipeline"]["name"]),
            f"Who may decide: {', '.join(map(notices.said, sorted(_people(asked))))}",
            *notices.see_run(run),
            *_evidence(run, asked[0]["pipeline"]["name"]),
            f"Do: isthmus azure approve {run}",
        ],
    )


def _people(asked: list[Mapping[str, Any]]) -> set[str]:
    return {step["assignedApprover"]["displayName"] for one in asked for step in one.get("steps") or []}


def _deployed(run: str, pipeline: str) -> list[str]:
    """What the run would deploy, and how good it is; nothing of one that deploys no version."""
    if pipeline == INFRASTRUCTURE:
        return []
    found = (one.parameters for one in azure_devops().runs(pipeline) if one.id == run)
    arn = next(found, {}).get("modelPackageArn", "")
    prefix = f"arn:aws:sagemaker:{settings().region}:{settings().automation_account}:model-package/"
    if not re.fullmatch(rf"{re.escape(prefix)}[A-Za-z0-9-]+/[0-9]+", arn):
        return []
    package = registry.describe(arn)
    metadata = package.get("CustomerMetadataProperties", {})
    return [f"It deploys {arn.removeprefix(prefix)}", *_figures(metadata)]


def _figures(metadata: Mapping[str, str]) -> Iterator[str]:
    """The metric beside its bar, and the gain over the version in prod, as the build recorded them."""
    number = _numbers(metadata)
    if {"value", "ci_low", "ci_high", "threshold"} <= number.keys():
        yield "{} {value:.3f} [{ci_low:.3f}, {ci_high:.3f}], bar {threshold:g}".format(
            notices.said(metadata.get("metric", "metric"), 40), **number
        )
    if {"gain", "gain_low", "gain_high"} <= number.keys():
        chance = ": inside noise" if number["gain_low"] <= 0 <= number["gain_high"] else ""
        yield "gain {gain:.3f} [{gain_low:.3f}, {gain_high:.3f}] over the version in prod{}".format(
            chance, **number
        )


def _numbers(metadata: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for key in ("value", "ci_low", "ci_high", "threshold", "gain", "gain_low", "gain_high"):
        try:
            found[key] = float(metadata[key])
        except (KeyError, ValueError):
            continue
    return found


def _evidence(run: str, pipeline: str) -> Iterator[str]:
    """Where the run shows what to judge its version by; the infrastructure's has none."""
    if pipeline != INFRASTRUCTURE and run.isdecimal():
        yield f"Evidence: {notices.run_page(run)}&view=ms.vss-build-web.run-extensions-tab"


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
