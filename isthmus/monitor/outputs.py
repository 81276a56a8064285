"""What a monitor leaves: findings, Model Monitor's files, a page, what was set aside, and metrics."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isthmus import names
from isthmus.monitor.baseline import Baseline
from isthmus.monitor.capture import Bad
from isthmus.monitor.findings import Findings
from isthmus.monitor.predictions import PREDICTION
from isthmus.monitor.profile import constraints, statistics
from isthmus.monitor.report import page
from isthmus.monitor.served import served
from isthmus.monitor.service_metrics import ascii_only

# CloudWatch takes so many metrics in a call.
MOST_METRICS = 1000


def write(output: Path, found: Findings, baseline: Baseline, current: Baseline) -> None:
    """The files of a report."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "findings.json").write_text(found.as_json())
    (output / "report.html").write_text(page(found, baseline, current), encoding="utf-8")
    for name, content in (
        ("statistics", statistics(current)),
        ("constraints", constraints(current)),
        ("constraint_violations", {"violations": found.violations}),
    ):
        (output / f"{name}.json").write_text(json.dumps(content, indent=1, allow_nan=False))


def clarify(output: Path, found: Findings, target: str) -> None:
    """Clarify's files, where bias or explanations were looked at: `analysis.json`, and its violations."""
    if not found.bias and not found.explained:
        return
    from isthmus.monitor.clarify import analysis, attribution_violations, bias_violations

    files = {"analysis.json": analysis(target, found.bias, found.explained)}
    if found.bias:
        files["bias/constraint_violations.json"] = bias_violations(found.bias)
    if found.explained:
        files["explanations/constraint_violations.json"] = attribution_violations(target, found.explained)
    for name, content in files.items():
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).write_text(json.dumps(content, indent=1, allow_nan=False))


def aside(output: Path, bad: Iterable[Bad]) -> None:
    """`set_aside.jsonl`: what could not be read, with file, line and reason; none where all could."""
    lines = [json.dumps(asdict(one), ensure_ascii=False) for one in bad]
    if lines:
        (output / "set_aside.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def publish(found: Findings, more: Mapping[str, list[dict[str, Any]]]) -> None:
    """Put the findings to CloudWatch, whose alarms carry them on, and which version they are about.

    `more` are data of other namespaces.
    """
    import boto3

    ours = [served(found.model, found.stage, int(os.environ["VERSION"])), *metrics(found)]
    cloudwatch = boto3.client("cloudwatch")
    for namespace, data in {names.METRIC_NAMESPACE: ours, **more}.items():
        for start in range(0, len(data), MOST_METRICS):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + MOST_METRICS])


def metrics(found: Findings) -> list[dict[str, Any]]:
    """The findings as CloudWatch's metric data: the worst of each kind, and each feature's index.

    Nothing where nothing was measured. `isthmus.deploy.alarms` says from which values on people are told.
    """
    where = [{"Name": "Model", "Value": found.model}, {"Name": "Stage", "Value": found.stage}]
    data = [{"MetricName": name, "Dimensions": where, "Value": value} for name, value in _worst(found)]
    for one in found.drift:
        feature = {"Name": "Feature", "Value": ascii_only(one.feature)}
        data.append({"MetricName": "Psi", "Dimensions": [*where, feature], "Value": one.psi})
    return data


def _worst(found: Findings) -> Iterator[tuple[str, float]]:
    """By kind of finding: how many constraints are broken, and of the others a ratio, a finding over 1."""
    if found.rows:
        yield names.CONSTRAINT_VIOLATIONS, len(found.broken)
    for name, of_predictions in ((names.FEATURE_DRIFT, False), (names.PREDICTION_DRIFT, True)):
        ratios = [one.ratio for one in found.drift if (one.feature == PREDICTION) == of_predictions]
        if ratios:
            yield name, max(ratios)
    if found.quality is not None:
        yield names.QUALITY_LOSS, found.quality.loss
    if found.bias:
        yield names.BIAS_DRIFT, max(one.ratio for one in found.bias)
    if found.explained:
        yield names.EXPLANATION_DRIFT, found.explained.ratio
