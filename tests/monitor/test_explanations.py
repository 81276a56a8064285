"""Shapley values against their definition, and the order of importance against scikit-learn's."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from isthmus.monitor.explanations import explain, ndcg, shapley

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(RNG.normal(size=(40, 3)), columns=["a", "b", "c"])


def additive(rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(3 * rows["a"] - rows["b"] ** 2)


def test_of_an_additive_model_they_are_exact_and_what_is_not_used_counts_nothing() -> None:
    origin = ROWS[:1]
    found = shapley(additive, ROWS, origin, 0)
    assert found[:, 0] == pytest.approx(3 * (ROWS["a"] - origin["a"].iloc[0]).to_numpy())
    assert found[:, 1] == pytest.approx((origin["b"].iloc[0] ** 2 - ROWS["b"] ** 2).to_numpy())
    assert found[:, 2] == pytest.approx(np.zeros(40))


def test_they_sum_to_what_the_row_differs_and_agree_with_the_definition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("isthmus.monitor.explanations.ORDERS", 300)

    def model(rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(rows["a"] * rows["b"] + rows["c"])

    row, origin = ROWS[1:2], ROWS[:1]
    found = shapley(model, row, origin, 0)[0]
    assert found.sum() == pytest.approx(float((model(row) - model(origin))[0]))
    assert found == pytest.approx(by_definition(model, row, origin), abs=1e-9)


def by_definition(model: Any, row: pd.DataFrame, origin: pd.DataFrame) -> list[float]:
    names = list(row.columns)

    def worth(chosen: tuple[str, ...]) -> float:
        mixed = origin.copy()
        for name in chosen:
            mixed[name] = row[name].to_numpy()
        return float(model(mixed)[0])

    values = []
    for name in names:
        others = [one for one in names if one != name]
        values.append(
            sum(
                factorial(len(chosen))
                * factorial(len(names) - len(chosen) - 1)
                / factorial(len(names))
                * (worth((*chosen, name)) - worth(chosen))
                for size in range(len(names))
                for chosen in combinations(others, size)
            )
        )
    return values


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8, unique=True), st.randoms())
def test_likeness_of_order_is_scikit_learns(before: list[float], random: Any) -> None:
    now = random.sample(before, len(before))
    assert ndcg(before, now) == pytest.approx(ndcg_score([before], [now]))


def test_a_model_whose_features_have_changed_places_is_told() -> None:
    """College admission in Clarify's guide: the order is reversed."""
    assert ndcg([0.70, 0.50, 0.05], [0.10, 0.20, 0.70]) == pytest.approx(0.69, abs=0.01)
    before = pd.DataFrame({"a": RNG.normal(size=60), "b": RNG.normal(scale=0.1, size=60)})
    now = pd.DataFrame({"a": RNG.normal(scale=0.05, size=60), "b": RNG.normal(scale=3, size=60)})
    model = lambda rows: np.asarray(rows["a"] + 0.5 * rows["b"])  # noqa: E731
    assert explain(model, before, now, 0.9).drifted
    assert not explain(model, before, before[::2], 0.9).drifted


def test_classes_texts_and_missing_values_are_explained() -> None:
    rows = pd.DataFrame({"kind": ["x", "y", None, "x"] * 10, "size": [1.0, np.nan, 3.0, 4.0] * 10})

    def model(rows: pd.DataFrame) -> np.ndarray:
        return np.where(rows["kind"] == "x", "good", "bad")

    found = explain(model, rows, rows, 0.9)
    assert found.now["kind"] > 0 == found.now["size"]
