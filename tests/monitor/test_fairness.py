"""Bias and explanations through the step: a model that became unfair, and whose inputs count otherwise."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from isthmus.config.monitoring import Monitoring
from isthmus.monitor import settings
from isthmus.monitor.baseline import write_baseline
from isthmus.monitor.findings import parse
from tests.monitor.captured import evaluation, label, line, write
from tests.monitor.job import artifact, cloudwatch, run

__all__ = ["cloudwatch"]
FEATURES = ["age", "income", "region"]
# The model: income counts, and age a little.
INFERENCE = """
def features(folder):
    return {"age": "number", "income": "number", "region": "text"}

def model_fn(folder):
    return 0.8

def predict_fn(rows, model):
    score = model * rows["income"] + 0.01 * (rows["age"] - 40) * (rows["region"] == "north")
    return (1 / (1 + 2.718281828 ** -score)).tolist()
"""
MONITORING = {
    "bias": {
        "positive": [1],
        "facets": [{"column": "age", "above": 50}, {"column": "region", "values": ["south"]}],
    },
    "explanations": {"rows": 60},
}


def people(rng: np.random.Generator, rows: int, income: float, age: float) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "age": rng.normal(45, age, rows),
            "income": rng.normal(0, income, rows),
            "region": rng.choice(["north", "south"], rows),
        }
    )
    table["label"] = (table["income"] + rng.normal(0, 1, rows) > 0).astype(int)
    return table


def answers(table: pd.DataFrame, against: Callable[[pd.DataFrame], Any]) -> pd.Series:
    score = 0.8 * table["income"] + 0.01 * (table["age"] - 40) * (table["region"] == "north")
    return 1 / (1 + np.exp(-score + against(table)))


def lay(opt_ml: Path, now: pd.DataFrame, told: pd.Series, inference: str) -> None:
    inputs, rng = opt_ml / "processing" / "input", np.random.default_rng(1)
    trained = people(rng, 800, 1, 10)
    write_baseline(trained, inputs / "baseline", features=FEATURES, target="label")
    (inputs / "evaluation").mkdir()
    (inputs / "evaluation" / "evaluation.json").write_text(json.dumps(evaluation()))
    trained["prediction"] = answers(trained, lambda _: 0)
    trained.to_csv(inputs / "evaluation" / "holdout.csv", index=False)
    trained[["prediction"]].to_csv(inputs / "evaluation" / "predictions.csv", index=False)
    artifact(inputs / "model", inference, "label")
    rows = zip(now.itertuples(index=False), told, strict=True)
    asked = [
        line(f"age,income,region\n{row.age},{row.income},{row.region}\n", f"{answer}\n", f"i{number}")
        for number, (row, answer) in enumerate(rows)
    ]
    write(inputs / "captures", asked)
    write(inputs / "labels", [label(f"i{number}", one) for number, one in enumerate(now["label"])])


@pytest.fixture
def step(
    tmp_path: Path, cloudwatch: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    def ran(now: pd.DataFrame, told: pd.Series, inference: str = INFERENCE) -> Path:
        for name, value in settings.written(Monitoring.model_validate(MONITORING)).items():
            monkeypatch.setitem(os.environ, name, value)
        lay(tmp_path, now, told, inference)
        run(tmp_path, cloudwatch[0])
        return tmp_path / "processing" / "output" / "report"

    return ran


def test_what_is_as_in_training_is_no_finding(step: Callable[..., Path]) -> None:
    now = people(np.random.default_rng(2), 500, 1, 10)
    output = step(now, answers(now, lambda _: 0))
    found = parse((output / "findings.json").read_bytes())
    assert not found.unfair and found.explained is not None and not found.explained.drifted
    assert found.explained.ndcg > 0.99 and found.explained.rows == 60
    assert "prediction" in {one.feature for one in found.drift} and not found.drifted
    assert json.loads((output / "bias" / "constraint_violations.json").read_text())["violations"] == []


def test_an_unfair_model_and_another_order_of_features_are_told_in_clarifys_files(
    step: Callable[..., Path],
) -> None:
    now = people(np.random.default_rng(2), 500, 0.01, 400)
    output = step(now, answers(now, lambda rows: 4 * (rows["region"] == "south")))
    found = parse((output / "findings.json").read_bytes())
    assert {("region", "DPPL"), ("region", "DI")} <= {(one.facet, one.name) for one in found.unfair}
    assert found.explained is not None and found.explained.drifted
    analysis = json.loads((output / "analysis.json").read_text())
    facets = analysis["post_training_bias_metrics"]["facets"]
    assert [one["value_or_threshold"] for one in facets["age"]] == ["(50, inf)"]
    assert {one["name"] for one in facets["region"][0]["metrics"]} >= {"AD", "DPPL", "TE"}
    assert analysis["explanations"]["kernel_shap"]["label"]["global_shap_values"].keys() == set(FEATURES)
    told = json.loads((output / "bias" / "constraint_violations.json").read_text())["violations"]
    assert {one["constraint_check_type"] for one in told} == {"bias_drift_check"}
    (moved,) = json.loads((output / "explanations" / "constraint_violations.json").read_text())["violations"]
    assert moved["constraint_check_type"] == "feature_attribution_drift_check"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (INFERENCE.replace("return 0.8", "return 1 / 0"), "cannot be loaded: ZeroDivisionError"),
        (
            INFERENCE.replace('rows["income"]', 'rows["salary"]'),
            "cannot be explained: the model failed: KeyErr",
        ),
    ],
)
def test_a_model_that_does_not_load_or_fails_is_told_in_a_line(
    step: Callable[..., Path], wrong: str, words: str
) -> None:
    now = people(np.random.default_rng(2), 100, 1, 10)
    with pytest.raises(AssertionError, match=words):
        step(now, answers(now, lambda _: 0), wrong)
