"""The monitor's step as SageMaker runs it: a process with folders under /opt/ml; only CloudWatch is ours."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from isthmus.config.monitoring import Monitoring
from isthmus.errors import BadInput
from isthmus.monitor import settings
from isthmus.monitor.baseline import describe, write_baseline
from isthmus.monitor.findings import Drift, Findings, parse, summary
from isthmus.monitor.outputs import metrics
from isthmus.monitor.report import page
from isthmus.monitor.violations import violations
from tests.monitor.captured import evaluation, label, line, write
from tests.monitor.job import artifact, cloudwatch, run

__all__ = ["cloudwatch"]
ROWS = 200
MADE = "2026-11-27T07:10:00+00:00"


def lay(opt_ml: Path) -> Path:
    """A job's inputs: a baseline, and later rows that are warmer, of an unknown kind and badly predicted."""
    inputs, rng = opt_ml / "processing" / "input", random.Random(1)
    trained = pd.DataFrame(
        {"température": [rng.gauss(0, 1) for _ in range(500)], "kind": ["a", "b"] * 250, "<b>": [0, 1] * 250}
    )
    write_baseline(trained, inputs / "baseline", features=list(trained.columns), target="y")
    (inputs / "evaluation").mkdir()
    (inputs / "evaluation" / "evaluation.json").write_text(json.dumps(evaluation()))
    asked = [
        line(
            f"température,kind,<b>\n{rng.gauss(2, 1)},{'<script>' if row % 9 == 0 else 'a'},{row % 2}\n",
            f"{rng.random()}\n",
            f"row-{row}",
        )
        for row in range(ROWS)
    ]
    write(inputs / "captures", [*asked, "{broken"])
    write(inputs / "labels", [*(label(f"row-{row}", row % 2) for row in range(ROWS)), label("row-3", 0)])
    return opt_ml


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory, cloudwatch: tuple[str, list[bytes]]) -> Path:
    opt_ml = lay(tmp_path_factory.mktemp("opt-ml"))
    run(opt_ml, cloudwatch[0])
    return opt_ml / "processing" / "output" / "report"


def test_everything_is_found(output: Path) -> None:
    found = parse((output / "findings.json").read_bytes())
    assert (found.rows, found.bad_lines) == (ROWS, 1)
    assert {one.feature for one in found.drifted} == {"température", "kind"}
    assert found.lost and found.quality is not None and found.quality.n == ROWS


def test_what_was_set_aside_is_there_with_its_reason(output: Path) -> None:
    found = parse((output / "findings.json").read_bytes())
    (one,) = found.set_aside
    assert one.lines == 1 and one.reason.startswith("not JSON") and one.first.endswith(f".jsonl:{ROWS + 1}")
    (line,) = (output / "set_aside.jsonl").read_text().splitlines()
    assert json.loads(line)["content"] == "{broken"
    assert found.labels_twice == {"row-3": ["1", "0"]}
    assert "row-3 (1 then 0)" in summary(found)


def test_the_files_are_model_monitors(output: Path) -> None:
    statistics = json.loads((output / "statistics.json").read_text())
    assert statistics["dataset"]["item_count"] == ROWS
    assert [one["name"] for one in statistics["features"]] == ["<b>", "kind", "température"]
    assert len(json.loads((output / "constraints.json").read_text())["features"]) == 3
    broken = json.loads((output / "constraint_violations.json").read_text())["violations"]
    assert {(one["feature_name"], one["constraint_check_type"]) for one in broken} == {
        ("température", "baseline_drift_check"),
        ("kind", "baseline_drift_check"),
        ("kind", "categorical_values_check"),
    }


def test_the_report_needs_nothing_else_and_trusts_no_data(output: Path) -> None:
    page = (output / "report.html").read_text()
    assert "in prod: version 7</h1>" in page
    assert "About version 7, captured from 20" in page and " UTC, when this page was made" in page
    assert f'<b class="">{ROWS}</b>rows looked at' in page and "the monitor's level, 0.01." in page
    assert '<b class="bad">2 of 3</b>features drifted' in page
    assert page.startswith("<!doctype html>") and page.endswith("</html>")
    assert "a loss beyond chance" in page and "Broken constraints" in page
    assert "&lt;b&gt;" in page and "<script" not in page
    for reference in ("src=", "href=", "@import", "url("):
        assert reference not in page


def test_the_metrics_are_put_where_the_alarms_look(output: Path, cloudwatch: tuple[str, list[bytes]]) -> None:
    sent = b"".join(cloudwatch[1])
    for word in (b"Isthmus", b"Version", b"FeatureDrift", b"QualityLoss", b"Psi"):
        assert word in sent


def test_nothing_captured_is_no_error_and_no_measurement(
    tmp_path: Path, cloudwatch: tuple[str, list[bytes]]
) -> None:
    opt_ml = lay(tmp_path)
    before = len(cloudwatch[1])
    for file in (opt_ml / "processing" / "input" / "captures").rglob("*.jsonl"):
        file.unlink()
    assert "nothing captured yet" in run(opt_ml, cloudwatch[0])
    report = opt_ml / "processing" / "output" / "report"
    assert len(list(report.iterdir())) == 5
    (said,) = cloudwatch[1][before:]
    assert [one["MetricName"] for one in json.loads(said)["MetricData"]] == ["Version"]


def judge(
    opt_ml: Path, url: str, answers: list[str], labels: list[str], **registered: Any
) -> tuple[Findings, str]:
    """What the step finds and says of rows like those of training that were answered and labelled so."""
    inputs = lay(opt_ml) / "processing" / "input"
    (inputs / "evaluation" / "evaluation.json").write_text(json.dumps(evaluation(**registered)))
    request = "température,kind,<b>\n0.5,a,0.25\n"
    write(inputs / "captures", [line(request, told, f"row-{row}") for row, told in enumerate(answers)])
    write(inputs / "labels", labels)
    said = run(opt_ml, url)
    return parse((opt_ml / "processing" / "output" / "report" / "findings.json").read_bytes()), said


def test_a_class_that_training_never_saw_is_a_wrong_answer_and_people_are_told(
    tmp_path: Path, cloudwatch: tuple[str, list[bytes]]
) -> None:
    answers = ["a", "b", "c"] * 40
    labels = [label(f"row-{row}", "d" if row >= 60 else told) for row, told in enumerate(answers)]
    before = len(cloudwatch[1])
    found, said = judge(tmp_path, cloudwatch[0], answers, labels, metric="accuracy", classes=["a", "b", "c"])
    assert found.quality is not None and found.lost
    assert (found.quality.n, found.quality.current.value) == (120, 0.5)
    told = "60 of 120 labels are 'd', which training never saw"
    (broken,) = [one for one in found.broken if one["feature_name"] == "y"]
    assert (broken["constraint_check_type"], broken["description"]) == ("categorical_values_check", told)
    assert told in said
    page = (tmp_path / "processing" / "output" / "report" / "report.html").read_text()
    assert told.replace("'", "&#x27;") in page
    (broken,) = [one for one in found.broken if one["constraint_check_type"] == "data_type_check"]
    assert broken["feature_name"] == "<b>"
    assert "Expected data type: Integral" in broken["description"] and "Only 0.00%" in broken["description"]
    data = json.loads(cloudwatch[1][before])["MetricData"]
    (count,) = [one["Value"] for one in data if one["MetricName"] == "ConstraintViolations"]
    assert count == len(found.broken)


def test_what_cannot_be_judged_is_named_and_the_rest_is_judged(
    tmp_path: Path, cloudwatch: tuple[str, list[bytes]]
) -> None:
    wrong = ["error", "[9.6]", "None", "nan", "inf"]
    labels = [label(f"row-{row}", 12.0) for row in range(50)]
    labels += [label("row-9", "twelve"), label("row-8", "12,5"), label("order-1", 12.0)]
    found, said = judge(
        tmp_path, cloudwatch[0], wrong + ["10"] * 45, labels, metric="mae", classes=[], higher_is_better=False
    )
    assert found.quality is not None
    assert (found.quality.n, found.quality.current.value) == (45, 2.0)
    assert {(one.reason, one.lines) for one in found.set_aside} == {
        ("the answer is no number", 5),
        ("the label is no number", 2),
    }
    assert found.bad_lines == 7 and not found.labels_twice
    came = "53 labels came, 45 could be used, 1 name no captured prediction, 2 are none, "
    assert came + "5 have an answer that cannot be judged" in said
    aside = (tmp_path / "processing" / "output" / "report" / "set_aside.jsonl").read_text().splitlines()
    assert ("the answer to row-1", "[9.6]") in {
        (one["file"], one["content"]) for one in map(json.loads, aside)
    }


def test_labels_of_which_none_can_be_used_are_counted(
    tmp_path: Path, cloudwatch: tuple[str, list[bytes]]
) -> None:
    labels = [label(f"order-{row}", row % 2) for row in range(40)]
    found, said = judge(tmp_path, cloudwatch[0], ["0.5"] * 40, labels)
    told = "40 labels came, 0 could be used, 40 name no captured prediction"
    assert found.quality is None and told in said
    assert told in (tmp_path / "processing" / "output" / "report" / "report.html").read_text()


def test_a_missing_baseline_is_the_jobs_failure_reason(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no baseline"):
        run(tmp_path, "http://127.0.0.1:9")
    reason = (tmp_path / "output" / "failure").read_text()
    assert reason.startswith("there is no baseline (") and reason.endswith("baseline.json)")


@pytest.mark.parametrize("broken", ["cut", "flipped"])
def test_an_artifact_that_was_damaged_is_the_jobs_failure_reason(tmp_path: Path, broken: str) -> None:
    model = lay(tmp_path) / "processing" / "input" / "model"
    artifact(model, "", "y")
    packed = bytearray((model / "model.tar.gz").read_bytes())
    # A gzip's last eight bytes are its checksum and its length.
    packed[-8] ^= 1
    (model / "model.tar.gz").write_bytes(packed[: 100 if broken == "cut" else None])
    asked = settings.written(Monitoring.model_validate({"explanations": {"rows": 10}}))
    pd.DataFrame(columns=["température", "kind", "<b>"]).to_csv(model.parent / "evaluation" / "holdout.csv")
    with pytest.raises(AssertionError, match="no whole"):
        run(tmp_path, "http://127.0.0.1:9", **asked)
    assert (tmp_path / "output" / "failure").read_text().startswith("no whole .tar.gz: ")


def test_a_report_of_another_time_is_told_without_a_traceback() -> None:
    with pytest.raises(BadInput, match="another version of Isthmus"):
        parse(json.dumps({key: one for key, one in json.loads(found().as_json()).items() if key != "made"}))


def found(**other: Any) -> Findings:
    drift = [
        Drift(name, "psi", {"psi": psi}, {}, 0.2, 1e-9, 0.01) for name, psi in (("größe", 0.5), ("b", 0.1))
    ]
    told = {"model": "rain", "stage": "prod", "version": 7, "since": "2026-11-20", "made": MADE}
    return Findings(**told | {"rows": 9, "bad_lines": 0, "drift": drift} | other)


def test_the_worst_feature_is_the_measure_of_drift() -> None:
    data = {(one["MetricName"], len(one["Dimensions"])): one for one in metrics(found())}
    assert data[("FeatureDrift", 2)]["Value"] == pytest.approx(2.5)
    assert ("QualityLoss", 2) not in data
    where = {one["Name"]: one["Value"] for one in metrics(found())[-2]["Dimensions"]}
    assert where == {"Model": "rain", "Stage": "prod", "Feature": "gr\\xf6\\xdfe"}


def test_what_is_unsure_is_named_everywhere_and_raises_no_alarm() -> None:
    wasserstein = {"wasserstein": 0.11, "psi": 0.1}
    unsure = Drift("age", "wasserstein", wasserstein, {"wasserstein": 0.02}, 0.1, 1e-9, 0.01, possible=True)
    told = found(drift=[unsure])
    assert "unsure: age may have drifted: wasserstein is 0.11 ± 0.02" in summary(told)
    assert json.loads(told.as_json())["drift"][0]["verdict"] == "unsure"
    column = {"age": describe(pl.Series([1.0, 2.0]))}
    made = page(told, column, column)
    assert '<span class="unsure">unsure</span>' in made and "<b>0.11</b> ± 0.02" in made
    data = {one["MetricName"]: one["Value"] for one in metrics(told)}
    assert data["FeatureDrift"] <= 1
    assert violations(column, column, told.drift, 0.99) == []
    assert parse(told.as_json()) == told and not told.drifted


def test_findings_survive_a_round_trip() -> None:
    assert parse(found().as_json()) == found()
    assert "version 7, captured from 2026-11-20 until 2026-11-27 07:10 UTC" in summary(found())
    assert "steady" in summary(found()) and "too few labels" in summary(found())
