"""The monitor's processing step: captured data and labels in; findings, metrics and a report out.

Run by `process -m isthmus.monitor.step`. Inputs under /opt/ml/processing/input: `baseline` (baseline.json)
and `evaluation` (evaluation.json of the deployed version, and what else its training left there);
`captures` and `labels` are fetched there from S3. With the argument `shard` it sees this instance's share of
the captures and leaves that in output `part`; with `merge` it adds up input `parts` and goes on from there.
Environment: what `isthmus.monitor.pipeline` gives.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import add
from typing import Any

import polars as pl

from isthmus.config.monitoring import Monitoring
from isthmus.container.paths import opt_ml, processing
from isthmus.counting import counted
from isthmus.monitor import manifests, outputs, settings
from isthmus.monitor.baseline import Baseline, read_baseline, read_target
from isthmus.monitor.capture import KEPT_BAD, Bad, Format, batches
from isthmus.monitor.collect import ALL, collect, last_days
from isthmus.monitor.drift import drifts
from isthmus.monitor.findings import BiasMetric, Explained, Findings, Labelled, set_aside, summary
from isthmus.monitor.labels import MOST, Labels, pairs, read_labels
from isthmus.monitor.predictions import PREDICTION, with_predictions
from isthmus.monitor.quality import answered, assess, unseen
from isthmus.monitor.seen import Seen, see
from isthmus.monitor.seen import read as read_seen
from isthmus.monitor.violations import unseen_classes, violations


def main() -> None:
    role = sys.argv[1] if len(sys.argv) > 1 else ""
    baseline, missing = read_baseline(processing("input", "baseline", "baseline.json"))
    evaluation = json.loads(processing("input", "evaluation", "evaluation.json").read_text())
    classes = [str(one) for one in evaluation["classes"]]
    columns = with_predictions(baseline, processing("input", "evaluation", "predictions.csv"), classes)
    labels = _labels(classes)
    if role == "shard":
        _leave(_see(baseline, columns, missing, labels, _share()))
        return
    seen = _merged() if role == "merge" else _see(baseline, columns, missing, labels)
    found, bad = _findings(seen, labels, columns, baseline, evaluation, classes)
    outputs.write(processing("output", "report"), found, columns, seen.sketch.columns)
    outputs.clarify(processing("output", "report"), found, _target())
    outputs.aside(processing("output", "report"), bad)
    outputs.publish(found, _service_metrics(found, seen))
    print(summary(found))


def _service_metrics(found: Findings, seen: Seen) -> Mapping[str, list[dict[str, Any]]]:
    if not settings.read().service_metrics:
        return {}
    from isthmus.monitor.service_metrics import metrics

    return metrics(found, seen.sketch.columns, _target(), os.environ["ENDPOINT"])


def _share() -> tuple[int, int]:
    """Which of the job's instances this is, and how many there are."""
    told = json.loads(opt_ml("config", "resourceconfig.json").read_text())
    return sorted(told["hosts"]).index(told["current_host"]), len(told["hosts"])


def _fetch(name: str, share: tuple[int, int] = ALL) -> list[Bad]:
    """Fetch captures or labels of the last days, where the environment says so; returns what could not be."""
    import boto3

    uri = os.environ.get(f"{name.upper()}_URI")
    if not uri:
        return []
    s3, days, now = boto3.client("s3"), settings.read().window_days, datetime.now(UTC)
    found = collect(s3, uri, days, now, processing("input", name), share)
    # Of a transform there are lists of files, which one instance reads.
    if name == "captures" and not share[0]:
        found += manifests.collect(s3, uri, days, now, processing("input", name))
    print(f"{counted(found.files, 'file')} of {name} from the last {counted(days, 'day')} of {uri}")
    return found.bad


def _labels(classes: list[str]) -> Labels:
    """All of them, on every instance: nobody knows whose captures they are about."""
    return read_labels(processing("input", "labels"), MOST, _fetch("labels"), classes)


def _see(
    baseline: Baseline, columns: Baseline, missing: list[str], labels: Labels, share: tuple[int, int] = ALL
) -> Seen:
    bad = _fetch("captures", share)
    form = Format({name: one.kind for name, one in baseline.items()}, missing)
    wanted = settings.read().explanations
    samples = wanted.rows if wanted else 0
    return see(batches(processing("input", "captures"), form), columns, PREDICTION, labels, samples, bad)


def _leave(seen: Seen) -> None:
    folder = processing("output", "part")
    folder.mkdir(parents=True, exist_ok=True)
    seen.write(folder / f"part-{_share()[0]:03}.json")


def _merged() -> Seen:
    """What all shards have seen, added up in their order."""
    return reduce(add, (read_seen(file) for file in sorted(processing("input", "parts").glob("part-*.json"))))


def _findings(
    seen: Seen,
    labels: Labels,
    baseline: Baseline,
    trained: Baseline,
    evaluation: dict[str, Any],
    classes: list[str],
) -> tuple[Findings, list[Bad]]:
    """What was found, and all that was set aside."""
    monitoring = settings.read()
    rule = settings.rule(monitoring)
    now = datetime.now(UTC)
    drift = drifts(baseline, seen.sketch.columns, rule)
    judged, unanswered = answered(seen.judged, classes)
    strange = unseen(judged["label"], classes)
    broken = violations(baseline, seen.sketch.columns, drift, rule.confidence)
    bad = [*seen.bad, *labels.bad, *unanswered[:KEPT_BAD]]
    found = Findings(
        model=os.environ["MODEL"],
        stage=os.environ["STAGE"],
        version=int(os.environ["VERSION"]),
        since=last_days(now, monitoring.window_days)[0].replace("/", "-"),
        made=now.isoformat(timespec="seconds"),
        rows=seen.sketch.rows,
        bad_lines=seen.bad_lines + labels.bad_lines + len(unanswered),
        drift=drift,
        quality=assess(pairs(judged), evaluation, monitoring.confidence),
        violations=broken + unseen_classes(_target(), strange, judged.height),
        set_aside=set_aside((one.reason, f"{one.file}:{one.line}" if one.line else one.file) for one in bad),
        labels_twice=labels.twice,
        bias=_bias(monitoring, judged, trained, classes),
        explained=_explained(monitoring, seen, trained),
        labelled=_labelled(
            labels, seen, judged, sum(strange.values()) if evaluation["metric"] == "auc" else 0
        ),
    )
    return found, bad


def _labelled(labels: Labels, seen: Seen, judged: pl.DataFrame, left_out: int) -> Labelled:
    reasons = {
        "name no captured prediction": len(labels.by_id) - seen.judged.height,
        "are none": labels.bad_lines,
        "have an answer that cannot be judged": seen.judged.height - judged.height,
        "are of a class that AUC cannot take": left_out,
    }
    return Labelled(
        len(labels.by_id) + labels.bad_lines,
        judged.height - left_out,
        {reason: rows for reason, rows in reasons.items() if rows},
    )


def _target() -> str:
    return read_target(processing("input", "baseline", "baseline.json"))


def _bias(
    monitoring: Monitoring, judged: pl.DataFrame, trained: Baseline, classes: list[str]
) -> list[BiasMetric]:
    if monitoring.bias is None:
        return []
    from isthmus.monitor.facets import biases, judged_rows, trained_rows

    before = trained_rows(processing("input", "evaluation"), list(trained), _target())
    now = judged_rows(judged, list(trained))
    return biases(monitoring.bias, classes, before, now, 1 - monitoring.confidence)


def _explained(monitoring: Monitoring, seen: Seen, trained: Baseline) -> Explained | None:
    wanted = monitoring.explanations
    if wanted is None:
        return None
    from isthmus.monitor.models import explained

    kinds = {name: one.kind for name, one in trained.items()}
    return explained(
        processing("input", "model"),
        processing("input", "evaluation"),
        list(seen.sample.values()),
        kinds,
        wanted.rows,
        wanted.ndcg,
    )


if __name__ == "__main__":
    main()
