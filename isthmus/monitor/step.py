"""The monitor's processing step: captured data and labels in; findings, metrics and a report out.

Run by `process -m isthmus.monitor.step`. Inputs under /opt/ml/processing/input: `captures`, `labels`,
`baseline` (baseline.json) and `evaluation` (evaluation.json of the deployed version). Environment: MODEL,
STAGE, PSI, CONFIDENCE.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from isthmus.container.paths import processing
from isthmus.monitor.baseline import Baseline, constraints, count, read_baseline, statistics
from isthmus.monitor.capture import Captures, read_captures, read_labels
from isthmus.monitor.drift import Drift, drifts
from isthmus.monitor.quality import Quality, assess
from isthmus.monitor.report import page
from isthmus.monitor.violations import violations
from isthmus.names import METRIC_NAMESPACE


def main() -> None:
    baseline = read_baseline(processing("input", "baseline", "baseline.json"))
    captures = read_captures(
        processing("input", "captures"), {name: one.kind for name, one in baseline.items()}
    )
    output = processing("output", "report")
    output.mkdir(parents=True, exist_ok=True)
    if not captures.frames:
        print(f"nothing captured yet; {captures.bad_lines} unreadable lines")
        _write(output, "findings.json", {"rows": 0, "bad_lines": captures.bad_lines})
        return
    evaluation = json.loads(processing("input", "evaluation", "evaluation.json").read_text())
    table = pl.from_pandas(pd.concat(captures.frames, ignore_index=True))
    found = _drifts(baseline, table)
    quality = assess(captures, read_labels(processing("input", "labels")), evaluation)
    _write_all(output, table, baseline, found, quality, captures)
    _publish(found, quality)
    print(_summary(found, quality, table.height, captures.bad_lines))


def _drifts(baseline: Baseline, table: pl.DataFrame) -> list[Drift]:
    current = {name: count(table[name], one) for name, one in baseline.items()}
    return drifts(
        baseline,
        current,
        threshold=float(os.environ.get("PSI", "0.2")),
        confidence=float(os.environ.get("CONFIDENCE", "0.99")),
    )


def _write_all(
    output: Path,
    table: pl.DataFrame,
    baseline: Baseline,
    found: list[Drift],
    quality: Quality | None,
    captures: Captures,
) -> None:
    current = {name: count(table[name], one) for name, one in baseline.items()}
    findings = {
        "rows": table.height,
        "bad_lines": captures.bad_lines,
        "drift": [asdict(one) | {"ratio": one.ratio} for one in found],
        "quality": quality.as_json() if quality else None,
    }
    _write(output, "findings.json", findings)
    _write(output, "statistics.json", statistics(table))
    _write(output, "constraints.json", constraints(table, current))
    _write(output, "constraint_violations.json", {"violations": violations(baseline, current, found)})
    title = f"{os.environ.get('MODEL', 'model')} in {os.environ.get('STAGE', 'stage')}"
    (output / "report.html").write_text(page(title, baseline, current, found, quality, captures.bad_lines))


def _write(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(content, indent=1))


def _publish(found: list[Drift], quality: Quality | None) -> None:
    """Put the findings to CloudWatch, whose alarms carry them on."""
    import boto3

    where = [
        {"Name": "Model", "Value": os.environ["MODEL"]},
        {"Name": "Stage", "Value": os.environ["STAGE"]},
    ]
    data: list[dict[str, Any]] = [
        {
            "MetricName": "Psi",
            "Dimensions": [*where, {"Name": "Feature", "Value": one.feature}],
            "Value": one.psi,
        }
        for one in found
    ]
    data.append(
        {"MetricName": "FeatureDrift", "Dimensions": where, "Value": found[0].ratio if found else 0.0}
    )
    if quality is not None:
        data.append({"MetricName": "QualityLoss", "Dimensions": where, "Value": quality.loss})
    boto3.client("cloudwatch").put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data)


def _summary(found: list[Drift], quality: Quality | None, rows: int, bad_lines: int) -> str:
    drifted = [one for one in found if one.ratio > 1]
    named = ", ".join(f"{one.feature} (PSI {one.psi:.2f} > {one.threshold:.2f})" for one in drifted)
    lines = [f"{rows} rows, {bad_lines} unreadable lines; drift: {named or 'none'}"]
    if quality is None:
        lines.append("quality: too few labels yet")
    else:
        now, then = quality.current, quality.registered
        lines.append(
            f"quality: {quality.metric} {now.value:.3f} [{now.ci_low:.3f}, {now.ci_high:.3f}] "
            f"on {quality.n} labels, registered {then.value:.3f} [{then.ci_low:.3f}, {then.ci_high:.3f}]: "
            + ("a loss beyond chance" if quality.loss > 1 else "within chance")
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
