"""Metrics by counts are scikit-learn's metrics on the resampled rows themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from isthmus.container.metrics import METRICS, bootstrap, gain, measure, with_interval

PROBABLE: dict[str, Callable[..., float]] = {
    "auc": reference.roc_auc_score,
    "log_loss": lambda t, p: reference.log_loss(t, np.clip(p, 1e-6, 1 - 1e-6), labels=[0, 1]),
    "accuracy": lambda t, p: reference.accuracy_score(t, p >= 0.5),
    "f1_macro": lambda t, p: reference.f1_score(t, p >= 0.5, average="macro", zero_division=0),
}
NUMERIC: dict[str, Callable[..., float]] = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "r2": reference.r2_score,
}


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), rows=st.integers(4, 60))
@pytest.mark.parametrize("metric", [*PROBABLE, *NUMERIC])
def test_each_metric_is_that_of_the_drawn_rows(metric: str, seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.normal(1e6, 3, rows) if metric in NUMERIC else random.integers(0, 2, rows)
    predicted = truth + random.normal(0, 1, rows) if metric in NUMERIC else random.integers(0, 5, rows) / 4
    counts = random.integers(0, 3, (1, rows)).astype(float)
    drawn = np.repeat(np.arange(rows), counts[0].astype(int))
    if len(np.unique(truth[drawn])) < 2:
        return
    wanted = {**PROBABLE, **NUMERIC}[metric](truth[drawn], predicted[drawn])
    assert METRICS[metric](truth, predicted, counts)[0] == pytest.approx(wanted, rel=1e-6, abs=2e-6)


def test_classes_in_words() -> None:
    truth, said = np.array(["a", "b", "c", "a"]), np.array(["a", "b", "a", "a"])
    assert measure("accuracy", truth, said) == 0.75
    assert measure("f1_macro", truth, said) == pytest.approx(reference.f1_score(truth, said, average="macro"))


def test_an_interval_covers_as_often_as_it_says() -> None:
    truth = np.random.default_rng(0).random(20_000) < 0.3
    hit = 0
    for start in range(0, 20_000, 100):
        some = truth[start : start + 100].astype(int)
        found = with_interval("accuracy", some, np.zeros(100), 0.9)
        hit += found.ci_low <= 0.7 <= found.ci_high
    assert 0.84 < hit / 200 < 0.96


def test_a_gain_is_positive_where_the_challenger_is_better_whichever_way_the_metric_goes() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(0, 1, 200)
    worse, better = truth + random.normal(0, 1, 200), truth + random.normal(0, 0.5, 200)
    for metric in NUMERIC:
        assert gain(metric, truth, worse, better, 0.95).ci_low > 0
        assert gain(metric, truth, better, worse, 0.95).ci_high < 0


def test_rows_of_one_class_have_no_auc() -> None:
    assert np.isnan(with_interval("auc", np.ones(5, int), np.linspace(0, 1, 5), 0.95).value)


def test_many_rows_are_drawn_in_pieces() -> None:
    assert len(bootstrap(1_000_000, lambda counts: counts.sum(axis=1))) == 200
