"""Bias metrics by Clarify's definitions, worked out row by row, and when they are a finding."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.monitor.bias import AFTER_TRAINING, BEFORE_TRAINING, compare, measure, tabulate

RNG = np.random.default_rng(1)


def rows(number: int, fairness: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Facet, label and prediction, where the disadvantaged are told good with `fairness` times the odds."""
    facet = RNG.random(number) < 0.4
    label = RNG.random(number) < 0.5
    told = RNG.random(number) < np.where(label, 0.8, 0.2) * np.where(facet, fairness, 1.0)
    return facet, label, told


def test_the_metrics_are_clarifys() -> None:
    """Four of the advantaged, five of the others; by hand."""
    facet = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    label = np.array([1, 1, 0, 0, 1, 1, 0, 0, 0])
    told = np.array([1, 1, 1, 0, 1, 0, 0, 1, 0])
    found = {name: float(value) for name, value in measure(tabulate(None, facet, label, told)).items()}
    wanted = {
        "CI": (4 - 5) / 9,
        "DPL": 2 / 4 - 2 / 5,
        "KL": 0.5 * np.log(0.5 / 0.4) + 0.5 * np.log(0.5 / 0.6),
        "LP": np.hypot(0.1, 0.1),
        "TVD": 0.1,
        "KS": 0.1,
        "CDDL": 3 / 5 - 2 / 4,
        "DPPL": 3 / 4 - 2 / 5,
        "DI": (2 / 5) / (3 / 4),
        "DCAcc": 2 / 3 - 2 / 2,
        "DCR": 3 / 3 - 2 / 1,
        "RD": 1 - 1 / 2,
        "SD": 2 / 3 - 1 / 2,
        "DAR": 2 / 3 - 1 / 2,
        "DRR": 2 / 3 - 1,
        "AD": 3 / 4 - 3 / 5,
        "TE": 1 / 1 - 0 / 1,
        "CDDPL": 3 / 4 - 2 / 5,
    }
    benefit = told - label + 1
    wanted["GE"] = float(((benefit / benefit.mean()) ** 2 - 1).mean() / 2)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value), name
    assert found.keys() == BEFORE_TRAINING.keys() | AFTER_TRAINING.keys()


def test_disparity_is_weighted_by_the_groups() -> None:
    group, facet = np.array([0] * 4 + [1] * 2), np.array([1, 0, 0, 1, 1, 0])
    label, told = np.array([0, 1, 1, 0, 1, 0]), np.array([0, 1, 1, 0, 1, 0])
    found = measure(tabulate(group, facet, label, told))
    assert float(found["CDDL"]) == pytest.approx((4 * (1 - 0) + 2 * (0 - 1)) / 6)


def test_what_has_no_meaning_is_not_a_number_and_no_finding() -> None:
    ones = np.ones(40)
    found = compare("sex", "f", tabulate(None, ones, ones, ones), tabulate(None, ones, ones, ones), 0.01)
    assert all(one.ratio == 0 for one in found)
    assert next(one.now for one in found if one.name == "DPL") is None


def test_fewer_than_thirty_rows_on_a_side_are_no_finding_however_unfair() -> None:
    def told(others: int) -> bool:
        """Whether it is a finding that so many of the disadvantaged, and no others, are all refused now."""
        ones, facet = np.ones(200 + others), np.arange(200 + others) >= 200
        return any(
            one.ratio > 1 for one in compare("sex", "f", fair, tabulate(None, facet, ones, ~facet), 0.01)
        )

    fair = tabulate(None, *rows(800, 1.0))
    assert told(30) and not told(29)
    few = np.arange(229) >= 200
    seldom = tabulate(None, few, np.ones(229), np.ones(229))
    assert not any(
        one.ratio > 1 for one in compare("sex", "f", seldom, tabulate(None, *rows(600, 0.5)), 0.01)
    )


def test_a_model_that_has_become_unfair_is_told_and_one_that_has_not_is_not() -> None:
    before = tabulate(None, *rows(800, 1.0))
    unfair = compare("sex", "f", before, tabulate(None, *rows(600, 0.5)), 0.01)
    assert {"DPPL", "DI", "RD"} <= {one.name for one in unfair if one.ratio > 1}
    alarms = sum(
        any(
            one.ratio > 1
            for one in compare(
                "sex", "f", tabulate(None, *rows(800, 1.0)), tabulate(None, *rows(300, 1.0)), 0.01
            )
        )
        for _ in range(100)
    )
    assert alarms <= 5
