"""The example's steps on other problems: nothing is replaced but the data and model.yaml."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from isthmus.build.data import check
from isthmus.config import ModelConfig
from isthmus.container.evaluation import Rival, judge
from isthmus.container.tabular import read_rows
from tests.build.example import estimator
from tests.container.jobs import Failed, Repository

SHARED = Path(os.environ.get("ISTHMUS_SHARED", Path(__file__).parents[2].parent / "shared"))


def model(
    problem: str, target: str, features: list[str], metric: str, bar: float, **data: Any
) -> dict[str, Any]:
    return {
        "name": "other",
        "problem": problem,
        "data": {"source": "data/rows.csv", **data},
        "target": target,
        "features": features,
        "evaluation": {"metric": metric, "threshold": bar},
    }


def houses(rows: int, seed: int) -> pd.DataFrame:
    """A regression with a text column, truths, missing values of each kind, and an all-empty column."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sold": pd.date_range("2020-01-01", periods=rows, freq="D").strftime("%Y-%m-%d"),
            "size": random.uniform(40, 200, rows).round(1),
            "district": random.choice(["north", "south", "east, by the lake"], rows),
            "garden": random.choice([True, False], rows),
            "unknown": np.nan,
        }
    )
    frame["price"] = (
        3 * frame["size"]
        + 90 * (frame["district"] == "north")
        + 60 * frame["garden"]
        + random.normal(0, 10, rows)
    ).round(2)
    frame.loc[::9, "size"] = np.nan
    frame.loc[::7, "district"] = None
    return frame


HOUSES = model("regression", "price", ["size", "district", "garden", "unknown"], "r2", 0.5, time="sold")


def test_a_regression_with_texts_and_missing_values(tmp_path: Path) -> None:
    repository = Repository(tmp_path, HOUSES)
    first = repository.version(houses(240, 0))
    assert first.verdict["meets_threshold"], first.verdict["verdict"]
    assert first.verdict["champion"] is None
    figures = first.verdict["registry"]
    assert float(figures["value"]) == pytest.approx(first.verdict["value"], rel=1e-11)
    assert {file.name for file in first.baseline.iterdir()} >= {"baseline.json", "statistics.json"}
    held_out = pd.read_csv(first.evaluation / "holdout.csv")
    assert list(held_out.columns[-2:]) == ["price", "prediction"]
    assert 10 <= len(held_out) <= 20
    # The same data again: the same forecasts, so no gain, whatever was learned since.
    again = repository.version(houses(240, 0), champion=first)
    assert again.verdict["gain"] == {"value": 0.0, "ci_low": 0.0, "ci_high": 0.0}
    assert not again.verdict["beats_champion"]
    assert "within chance" in again.verdict["verdict"]


def test_a_facet_that_is_a_feature_too_makes_its_groups_once(tmp_path: Path) -> None:
    houses(400, 0).to_csv(tmp_path / "rows.csv", index=False)
    config = ModelConfig.model_validate(HOUSES | {"facets": ["garden"]})
    rows = read_rows(tmp_path, config)
    found = judge(config, lambda: estimator(config), rows, lambda _start: None).evaluation
    told = [one["slice"] for one in found["slices"]]
    assert {"garden = 0", "garden = 1"} <= set(told)
    assert len(told) == len(set(told))


def test_a_retraining_below_its_bar_says_how_to_learn_from_the_latest_rows(tmp_path: Path) -> None:
    houses(200, 0).to_csv(tmp_path / "rows.csv", index=False)
    high = HOUSES | {"evaluation": {"metric": "r2", "threshold": 0.9999}}
    windowed = high | {"data": HOUSES["data"] | {"window": {"rows": 150}}}

    def verdict(said: dict[str, Any], champion: bool) -> str:
        config = ModelConfig.model_validate(said)
        rows = read_rows(tmp_path, config)

        def rival(start: int) -> Rival | None:
            return (
                Rival("arn:champion", start, np.empty(0), "it predicts another target") if champion else None
            )

        found = judge(config, lambda: estimator(config), rows, rival).evaluation
        assert not found["meets_threshold"]
        return str(found["verdict"])

    assert "the oldest too: data.window takes the latest" in verdict(high, champion=True)
    assert "data.window" not in verdict(high, champion=False) + verdict(windowed, champion=True)


def test_a_feature_is_what_model_yaml_says(tmp_path: Path) -> None:
    """A number that is a name has no middle, and a text is no number."""
    rows = houses(240, 0)
    rows["district"] = rows["district"].map({"north": 1, "south": 2}).fillna(3).astype(int)
    data = HOUSES["data"] | {"types": {"district": "text", "size": "number"}}
    repository = Repository(tmp_path, HOUSES | {"data": data})
    metadata = json.loads((repository.version(rows).model / "metadata.json").read_text())
    assert metadata["features"]["district"] == "text" and metadata["features"]["size"] == "number"
    rows["size"] = rows["size"].astype(object)
    rows.loc[7, "size"] = "unknown"
    with pytest.raises(Failed) as caught:
        repository.version(rows)
    assert "'unknown' is not a number" in caught.value.reason


def test_several_classes_named_in_words(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"length": random.normal(0, 1, 200), "width": random.normal(0, 1, 200)})
    rows["kind"] = np.select([rows["length"] > 0.5, rows["width"] > 0], ["long one", "wide one"], "small one")
    config = model("multiclass", "kind", ["length", "width"], "f1_macro", 0.6)
    verdict = Repository(tmp_path, config).version(rows.sort_values("kind")).verdict
    assert verdict["meets_threshold"] and verdict["verdict"].startswith("macro F1 0.")
    assert verdict["classes"] == ["long one", "small one", "wide one"]


def test_a_medical_table_without_a_header_and_with_question_marks(tmp_path: Path) -> None:
    file = SHARED / "data" / "mammographic_masses.data"
    if not file.exists():
        pytest.skip(f"needs {file}, which users bring themselves (UCI, CC BY 4.0)")
    assert b"?" in file.read_bytes()
    columns = ["assessment", "age", "shape", "margin", "density", "severity"]
    config = ModelConfig.model_validate(
        model("binary", "severity", columns[1:5], "auc", 0.8, columns=columns)
    )
    content = file.read_bytes()
    check(content, str(file), config)
    (tmp_path / "rows.csv").write_bytes(content)
    rows = read_rows(tmp_path, config)
    assert len(rows) == 961
    assert rows["density"].isna().sum() == 76
    found = judge(config, lambda: estimator(config), rows, lambda _start: None).evaluation
    assert found["meets_threshold"], found["verdict"]
    assert found["classes"] == [0, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "prize"}, "no column 'prize'; did you mean 'price'?"),
        (
            {"problem": "binary", "evaluation": {"metric": "auc", "threshold": 0.5}},
            "binary problem cannot have",
        ),
        ({"data": {"source": "x.csv", "time": "district"}}, "is neither a number nor a date"),
    ],
)
def test_data_that_do_not_fit_are_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(Failed) as caught:
        Repository(tmp_path, HOUSES | change).version(houses(60, 0))
    assert words in caught.value.reason
    assert "Traceback" not in caught.value.log


def test_a_crash_of_a_script_leaves_its_reason(tmp_path: Path) -> None:
    repository = Repository(tmp_path, HOUSES)
    (tmp_path / "code" / "steps" / "prepare.py").write_text("1 / 0\n")
    with pytest.raises(Failed) as caught:
        repository.version(houses(60, 0))
    assert caught.value.reason == "ZeroDivisionError: division by zero (steps/prepare.py:1)"
    assert "steps/prepare.py" in caught.value.log
