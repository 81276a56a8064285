"""Reads what two versions at a stage were asked and answered since they stand side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from isthmus import names
from isthmus.compare import answers, findings
from isthmus.compare.answers import Heard
from isthmus.compare.findings import Evidence, Findings, Seen
from isthmus.compare.measured import Measured, measure
from isthmus.config import Stage
from isthmus.config.compare import read
from isthmus.config.model import Metric
from isthmus.errors import BadInput, NotFound
from isthmus.operate import endpoints, judgement, registry
from isthmus.operate.accounts import Accounts
from isthmus.operate.registry import Version

VARIANTS = (names.VARIANT, names.CHALLENGER)


def compare(accounts: Accounts, model: str, stage: Stage) -> Findings:
    """What is found by now; raises `NotFound` where nothing is compared there."""
    sagemaker = accounts.client("automation", "sagemaker")
    endpoint = endpoints.find(accounts.client(stage, "sagemaker"), model, stage)
    if not endpoint.challenger_arn:
        serves = f"version {endpoint.version} alone" if endpoint.model_package_arn else "nothing"
        raise NotFound(
            f"{stage} serves {serves} of {model}: nothing is compared",
            todo="write compare: into deploy.yaml; the next version that is approved is put beside it",
        )
    challenger = registry.describe(sagemaker, endpoint.challenger_arn)
    recorded = challenger.metadata
    if recorded.get(f"{stage}_compared_config") != endpoint.config:
        raise NotFound(
            f"the registry does not say how version {challenger.number} is compared by {endpoint.config}",
            todo=f"its deployment has not ended, or was cut short: isthmus azure follow {model}-deploy",
        )
    asked = read(recorded[f"{stage}_compared_how"])
    since, now = datetime.fromisoformat(recorded[f"{stage}_compared_at"]), datetime.now(UTC)
    s3, account = accounts.client(stage, "s3"), getattr(accounts.platform.accounts, stage)
    bucket = names.capture_bucket(accounts.platform, account)
    where = f"s3://{bucket}/{names.captures(model)}{endpoint.config}/{endpoint.name}"
    cloudwatch = accounts.client(stage, "cloudwatch")
    heard = [answers.hear(s3, f"{where}/{variant}", since, now) for variant in VARIANTS]
    measured = [
        measure(cloudwatch, endpoint.name, variant, endpoint.config, since, now) for variant in VARIANTS
    ]
    truth = f"s3://{names.ground_truth_bucket(accounts.platform, account)}/{model}"
    metric, classes = _judged(accounts.client("automation", "s3"), challenger)
    found, agreement = findings.differences(
        Evidence(
            asked,
            (measured[0], measured[1]),
            (heard[0], heard[1]),
            answers.labels(s3, truth, since, now),
            metric,
            classes,
        )
    )
    versions = (endpoint.version, str(challenger.number))
    seen = [_seen(*one) for one in zip(versions, measured, heard, strict=True)]
    return Findings(model, stage, since.isoformat(), asked, seen[0], seen[1], found, agreement=agreement)


class Judged(BaseModel):
    """Of evaluation.json what a comparison needs: what the version was judged by, and its classes."""

    metric: Metric
    classes: list[str | int | float | bool] = []


def _judged(s3: Any, version: Version) -> tuple[str, list[Any]]:
    """Both; of a version whose evaluation cannot be read no metric, and then quality is not measured."""
    try:
        found = judgement.read(s3, version.metadata.get("evaluation_uri", ""), "evaluation.json", Judged)
    except BadInput:
        found = None
    return (found["metric"], found.get("classes", [])) if found else ("", [])


def _seen(version: str, measured: Measured, heard: Heard) -> Seen:
    return Seen(version, measured.asked, len(heard.answers), heard.set_aside)
