"""A model that learns from the latest rows only is judged as one, and never on rows that it knew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from isthmus.config import ModelConfig
from isthmus.container.evaluation import judge, trained_rows, training_rows
from isthmus.container.window import window
from isthmus.errors import BadInput
from tests.container.jobs import Repository


def config(**data: Any) -> dict[str, Any]:
    return {
        "name": "other",
        "problem": "regression",
        "data": {"source": "data/rows.csv", "time": "day", **data},
        "target": "y",
        "features": ["x"],
        "evaluation": {"metric": "r2", "threshold": 0.5},
        "hyperparameters": {"estimator": "linear"},
    }


def model(**data: Any) -> ModelConfig:
    return ModelConfig.model_validate(config(**data))


def turned(rows: int, at: int, seed: int = 0) -> pd.DataFrame:
    """A row a day, in which what x says about y turns round on day `at`."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=rows, freq="D").strftime("%Y-%m-%d")})
    frame["x"] = random.normal(0, 1, rows)
    frame["y"] = np.where(np.arange(rows) < at, 2, -2) * frame["x"] + random.normal(0, 0.3, rows)
    return frame


class Spy:
    """An estimator that writes down which rows it was fitted on, and which it was asked about."""

    def __init__(self, seen: list[tuple[list[int], list[int]]]) -> None:
        self.seen = seen

    def fit(self, features: pd.DataFrame, _target: pd.Series) -> Spy:
        self.fitted = list(features.index)
        return self

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        self.seen.append((self.fitted, list(features.index)))
        return features["x"].to_numpy()


@pytest.mark.parametrize(
    ("asked", "end", "start"),
    [(None, 300, 0), ({"rows": 50}, 300, 250), ({"days": 50}, 300, 250), ({"rows": 500}, 300, 0),
     ({"days": 500}, 40, 0)],
)  # fmt: skip
def test_the_window_ends_where_the_rows_end(asked: dict[str, int] | None, end: int, start: int) -> None:
    assert window(turned(300, 0), model(window=asked), end) == slice(start, end)


def test_days_are_days_and_not_rows() -> None:
    frame = turned(300, 0)
    frame["day"] = pd.date_range("2020-01-01", periods=300, freq="12h").astype(str)
    assert window(frame, model(window={"days": 50}), 300) == slice(200, 300)


@pytest.mark.parametrize("asked", [{"rows": 80}, {"days": 80}])
def test_each_judged_row_is_predicted_from_the_window_before_it(asked: dict[str, int]) -> None:
    frame, seen = turned(300, 0), []  # type: ignore[var-annotated]
    found = judge(model(window=asked), lambda: Spy(seen), frame, lambda _start: None)
    assert [row for _, predicted in seen for row in predicted] == list(range(280, 300))
    for fitted, predicted in seen:
        assert fitted == list(range(predicted[0] - 80, predicted[0]))
    assert (found.start, found.evaluation["n"], found.evaluation["rows"]) == (280, 20, 300)
    # What is registered learns from as much, up to the last block.
    assert training_rows(frame, model(window=asked)) == slice(295 - 80, 295)


def test_without_a_window_all_rows_before_are_learned_from() -> None:
    frame, seen = turned(300, 0), []  # type: ignore[var-annotated]
    judge(model(), lambda: Spy(seen), frame, lambda _start: None)
    assert all(fitted == list(range(predicted[0])) for fitted, predicted in seen)
    assert training_rows(frame, model()) == slice(0, trained_rows(300, model()))


def test_steps_that_know_no_window_are_not_judged_as_if_they_did() -> None:
    with pytest.raises(BadInput, match="learns from all rows"):
        trained_rows(300, model(window={"rows": 80}))


@pytest.mark.parametrize(
    ("frame", "asked", "words"),
    [
        (turned(300, 0), {"days": 3}, "the window of 3 days before row 301 holds 3; 20 are the fewest"),
        (turned(300, 0).assign(day=range(300)), {"days": 30}, "a window of days needs dates"),
    ],
)
def test_a_window_that_cannot_be_is_named(frame: pd.DataFrame, asked: dict[str, int], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        window(frame, model(window=asked), 300)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"window": {"days": 30, "rows": 30}}, "give days or rows"),
        ({"window": {}}, "give days or rows"),
        ({"window": {"rows": 30}, "time": None}, "name that column"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(data: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        model(**data)


def test_a_challenger_with_a_window_against_a_champion_that_learned_from_all(tmp_path: Path) -> None:
    everything = Repository(tmp_path / "all", config())
    lately = Repository(tmp_path / "window", config(window={"days": 120}))
    grown = turned(510, 300)
    frame = grown[:500]
    champion = everything.version(frame[:300])
    assert champion.verdict["meets_threshold"]

    first = lately.version(frame[:300], frame[300:], champion=champion)
    verdict = first.verdict
    # Judged are the latest quarter of 120 days, none of which the champion knew, and it is wrong about all.
    assert (verdict["first_judged_row"], verdict["n"], verdict["rows"]) == (470, 30, 500)
    assert verdict["champion"]["value"] < 0 < verdict["gain"]["ci_low"]
    assert verdict["beats_champion"] and verdict["value"] > 0.9
    # One that learns from all cannot forget: it wins over the champion, and misses the bar.
    stubborn = everything.version(frame[:300], frame[300:], champion=champion).verdict
    assert stubborn["value"] < 0.5 < verdict["value"]
    # The monitor's baseline is of the rows that are learned from.
    statistics = json.loads((first.baseline / "statistics.json").read_text())
    (feature,) = [one for one in statistics["features"] if one["name"] == "x"]
    assert feature["numerical_statistics"]["common"]["num_present"] == 120

    again = lately.version(frame[:300], frame[300:], champion=first).verdict
    assert again["gain"] == {"value": 0.0, "ci_low": 0.0, "ci_high": 0.0}
    assert not again["beats_champion"]
    # Ten days on, rows that the champion with a window knew count with its forecasts of then.
    later = lately.version(grown, champion=first).verdict
    assert later["champion"]["value"] > 0.9
    assert abs(later["gain"]["value"]) < 0.05
