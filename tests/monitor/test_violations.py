from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import fisher_exact

from isthmus.monitor.baseline import Column, count, describe
from isthmus.monitor.findings import Drift
from isthmus.monitor.violations import missing_by_chance, violations

TEXT = describe(pl.Series(["wet"] * 60 + ["dry"] * 40))


def missing(rows: int, of: int) -> Column:
    return describe(pl.Series([0.0] * (of - rows) + [None] * rows, dtype=pl.Float64))


def broken(before: Column, now: Column) -> list[str]:
    return [one["constraint_check_type"] for one in violations({"x": before}, {"x": now}, [], 0.99)]


@pytest.mark.parametrize(("before", "now"), [((0, 1000), (3, 200)), ((50, 500), (20, 100)), ((1, 9), (0, 9))])
def test_missing_values_are_judged_by_fishers_exact_test(
    before: tuple[int, int], now: tuple[int, int]
) -> None:
    table = [[now[0], now[1] - now[0]], [before[0], before[1] - before[0]]]
    oracle = fisher_exact(table, alternative="greater").pvalue
    assert missing_by_chance(missing(*before), missing(*now)) == pytest.approx(oracle)


def test_a_few_empty_cells_are_no_incident_and_many_are() -> None:
    assert broken(missing(10, 1000), missing(5, 300)) == []
    assert broken(missing(0, 1000), missing(1, 200)) == []
    assert broken(missing(0, 1000), missing(6, 200)) == ["completeness_check"]


def test_a_column_that_is_all_empty_is_broken() -> None:
    assert broken(missing(0, 1000), missing(20, 20)) == ["completeness_check"]


def test_false_alarms_are_as_rare_as_configured() -> None:
    rng = np.random.default_rng(5)
    gone = rng.binomial(700, 0.05, 400), rng.binomial(150, 0.05, 400)
    told = sum(bool(broken(missing(a, 700), missing(b, 150))) for a, b in zip(*gone, strict=True))
    assert told <= 12


def test_an_unknown_category_is_told_at_once() -> None:
    assert broken(TEXT, count(pl.Series(["wet"] * 20 + ["dry"] * 10), TEXT)) == []
    assert broken(TEXT, count(pl.Series(["wet"] * 20 + ["fog"]), TEXT)) == ["categorical_values_check"]


def zipf(rng: np.random.Generator, rows: int) -> pl.Series:
    weights = 1 / np.arange(1, 41) ** 1.5
    return pl.Series(rng.choice([f"k{place}" for place in range(40)], rows, p=weights / weights.sum()))


@pytest.mark.parametrize(("before", "now"), [(500, 500), (1000, 3000)])
def test_where_training_cannot_have_seen_all_categories_chance_is_allowed_for(before: int, now: int) -> None:
    rng = np.random.default_rng(5)
    told = 0
    for _ in range(200):
        baseline = describe(zipf(rng, before))
        told += bool(broken(baseline, count(zipf(rng, now), baseline)))
    # Of 200 windows two are told at 99 %.
    assert told <= 10
    baseline = describe(zipf(rng, before))
    much = pl.concat([zipf(rng, now), pl.Series(["another"] * (now // 5))])
    (one,) = violations({"x": baseline}, {"x": count(much, baseline)}, [], 0.99)
    assert one["constraint_check_type"] == "categorical_values_check" and "'another'" in one["description"]


def test_where_training_saw_other_categories_they_are_not_unknown() -> None:
    many = describe(pl.Series([f"c{number}" for number in range(60)]))
    assert broken(many, count(pl.Series(["another"]), many)) == []


def test_drift_is_told_in_model_monitors_words() -> None:
    found = [Drift(name, "psi", {"psi": psi}, {}, 0.2, 1e-4, 0.01) for name, psi in (("x", 0.5), ("y", 0.1))]
    before = {"x": missing(0, 10), "y": missing(0, 10)}
    (one,) = violations(before, before, found, 0.99)
    assert one == {
        "feature_name": "x",
        "constraint_check_type": "baseline_drift_check",
        "description": "Baseline drift distance: 0.5000 exceeds threshold: 0.2000 (psi, p = 0.0001)",
    }


def test_nothing_captured_breaks_nothing() -> None:
    assert broken(missing(0, 100), missing(0, 0)) == []


def test_unknown_categories_are_named() -> None:
    (one,) = violations({"x": TEXT}, {"x": count(pl.Series(["fog", "snow", "wet"]), TEXT)}, [], 0.99)
    assert one["description"].endswith("Unknown: 'fog', 'snow'")
