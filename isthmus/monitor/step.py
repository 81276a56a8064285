"""The monitor's processing step: captured data and labels in; findings, metrics and a report out.

Run by `process -m isthmus.monitor.step`. Inputs under /opt/ml/processing/input: `baseline` (baseline.json)
and `evaluation` (evaluation.json of the deployed version); `captures` and `labels` are fetched there from S3.
Environment: what `isthmus.monitor.pipeline` gives.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from isthmus.container.paths import processing
from isthmus.monitor import settings
from isthmus.monitor.baseline import Baseline, count, read_baseline
from isthmus.monitor.capture import Captures, read_captures, read_labels
from isthmus.monitor.collect import collect
from isthmus.monitor.drift import drifts
from isthmus.monitor.findings import Findings, summary
from isthmus.monitor.profile import constraints, statistics
from isthmus.monitor.quality import assess
from isthmus.monitor.report import page
from isthmus.monitor.served import served
from isthmus.monitor.violations import violations
from isthmus.names import METRIC_NAMESPACE

# CloudWatch takes so many metrics in a call.
MOST_METRICS = 1000


def main() -> None:
    _fetch()
    baseline, missing = read_baseline(processing("input", "baseline", "baseline.json"))
    kinds = {name: one.kind for name, one in baseline.items()}
    captures = read_captures(processing("input", "captures"), kinds, missing)
    table = _table(captures, baseline)
    current = {name: count(table[name], one) for name, one in baseline.items()}
    found = _findings(captures, baseline, current)
    _write(processing("output", "report"), found, baseline, current)
    _publish(found)
    print(summary(found))


def _fetch() -> None:
    """Captures and labels of the last days, where the environment says that they are to be fetched."""
    import boto3

    days, now = settings.read().window_days, datetime.now(UTC)
    for name in ("captures", "labels"):
        uri = os.environ.get(f"{name.upper()}_URI")
        if uri:
            files = collect(boto3.client("s3"), uri, days, now, processing("input", name))
            print(f"{files} files of {name} from the last {days} days of {uri}")


def _table(captures: Captures, baseline: Baseline) -> pl.DataFrame:
    schema = {name: pl.Float64 if one.kind == "number" else pl.String for name, one in baseline.items()}
    # A missing text is not a number, as in pandas; polars wants one type in a column.
    rows = [[None if value != value else value for value in row] for row in captures.rows]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _findings(captures: Captures, baseline: Baseline, current: Baseline) -> Findings:
    rule = settings.rule(settings.read())
    found = drifts(baseline, current, rule)
    evaluation = json.loads(processing("input", "evaluation", "evaluation.json").read_text())
    return Findings(
        model=os.environ["MODEL"],
        stage=os.environ["STAGE"],
        rows=len(captures.rows),
        bad_lines=captures.bad_lines,
        drift=found,
        quality=assess(captures, read_labels(processing("input", "labels")), evaluation),
        violations=violations(baseline, current, found, rule.confidence),
    )


def _write(output: Path, found: Findings, baseline: Baseline, current: Baseline) -> None:
    output.mkdir(parents=True, exist_ok=True)
    (output / "findings.json").write_text(found.as_json())
    (output / "report.html").write_text(page(found, baseline, current), encoding="utf-8")
    for name, content in (
        ("statistics", statistics(current)),
        ("constraints", constraints(current)),
        ("constraint_violations", {"violations": found.violations}),
    ):
        (output / f"{name}.json").write_text(json.dumps(content, indent=1, allow_nan=False))


def _publish(found: Findings) -> None:
    """Put the findings to CloudWatch, whose alarms carry them on, and which version they are about."""
    import boto3

    data = [served(found.model, found.stage, int(os.environ["VERSION"])), *metrics(found)]
    cloudwatch = boto3.client("cloudwatch")
    for start in range(0, len(data), MOST_METRICS):
        cloudwatch.put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data[start : start + MOST_METRICS])


def metrics(found: Findings) -> list[dict[str, Any]]:
    """The findings as CloudWatch's metric data: the worst drift, the loss, and each feature's index.

    Nothing where nothing was measured.
    """
    where = [{"Name": "Model", "Value": found.model}, {"Name": "Stage", "Value": found.stage}]
    data: list[dict[str, Any]] = []
    if found.drift:
        data.append({"MetricName": "FeatureDrift", "Dimensions": where, "Value": found.drift[0].ratio})
    if found.quality is not None:
        data.append({"MetricName": "QualityLoss", "Dimensions": where, "Value": found.quality.loss})
    for one in found.drift:
        feature = {"Name": "Feature", "Value": _ascii(one.feature)}
        data.append({"MetricName": "Psi", "Dimensions": [*where, feature], "Value": one.psi})
    return data


def _ascii(text: str) -> str:
    """CloudWatch takes no other characters in a dimension, and no more than 1,024 of them."""
    return text.encode("ascii", "backslashreplace").decode()[:1024]


if __name__ == "__main__":
    main()
