"""Intervals that hold at every look: how often they are wrong, and how soon they can say something."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.compare.sequence import (
    FEWEST,
    Estimate,
    Floats,
    Sample,
    between,
    half_width,
    needed,
    of_pairs,
    sample,
    share,
)
from isthmus.compare.verdict import judge

Draw = Callable[[np.random.Generator, int], Floats]
ALPHA, LOOKS, RUNS = 0.05, 40, 300
NO_DIFFERENCE: dict[str, Draw] = {
    "one in a hundred fails": lambda random, n: (random.random(n) < 0.01).astype(float),
    "one in five fails": lambda random, n: (random.random(n) < 0.2).astype(float),
    "a long tail": lambda random, n: random.lognormal(0, 1.5, n),
}


def claims(draw: Draw, shift: float = 0.0, part: float = 0.3) -> int:
    """How many of the runs ever claim a difference, looked at after each fiftieth of 2,000 requests."""
    random, found = np.random.default_rng(7), 0
    for _ in range(RUNS):
        values, new = draw(random, 2000), random.random(2000) < part
        values = values + shift * new
        found += any(claimed(values[:n], new[:n]) for n in range(50, 2001, 50))
    return found


def claimed(values: Floats, new: np.ndarray) -> bool:
    estimate = between(sample(values[~new], 1.0), sample(values[new], 1.0), ALPHA)
    return estimate is not None and not estimate.low <= 0 <= estimate.high


@pytest.mark.parametrize("name", NO_DIFFERENCE)
def test_who_looks_at_every_batch_is_wrong_no_more_often_than_alpha_says(name: str) -> None:
    # A run of a true share of 0.05 stays below with four standard deviations to spare.
    assert claims(NO_DIFFERENCE[name]) <= RUNS * ALPHA + 4 * math.sqrt(RUNS * ALPHA * (1 - ALPHA))


def test_an_interval_of_one_look_would_be_wrong_far_more_often() -> None:
    """What this is for: the same looks with the usual 95 % interval."""

    def usual(values: Floats, new: np.ndarray) -> bool:
        sides = [values[~new], values[new]]
        if min(map(len, sides)) < FEWEST:
            return False
        error = math.sqrt(sum(float(one.var()) / len(one) for one in sides))
        return abs(float(sides[1].mean() - sides[0].mean())) > 1.96 * error

    random, found = np.random.default_rng(7), 0
    for _ in range(RUNS):
        values, new = random.normal(size=2000), random.random(2000) < 0.3
        found += any(usual(values[:n], new[:n]) for n in range(50, 2001, 50))
    assert found > 3 * RUNS * ALPHA


def test_a_difference_is_found() -> None:
    draw: Draw = lambda random, n: (random.random(n) < 0.2).astype(float)  # noqa: E731
    assert claims(draw, shift=0.2) == RUNS


def test_the_width_is_that_of_the_paper() -> None:
    """Theorem 2.2 with the rho of its appendix for the thousandth observation, written out once more."""
    rho = math.sqrt((-2 * math.log(0.05) + math.log(-2 * math.log(0.05)) + 1) / 1000)
    for n in (50, 1000, 10**6):
        inner = 2 * (n * rho**2 + 1) / (n**2 * rho**2) * math.log(math.sqrt(n * rho**2 + 1) / 0.05)
        assert half_width(n, 4.0, 0.05) == pytest.approx(2 * math.sqrt(inner))


def test_nothing_is_claimed_of_what_was_hardly_seen() -> None:
    assert of_pairs(Sample(FEWEST - 1, 5.0, 0.0, 1.0), ALPHA) is None
    assert between(share(0, 10_000), share(FEWEST - 1, FEWEST - 1), ALPHA) is None
    # That none of a hundred pairs differs does not say that none ever will.
    estimate = of_pairs(Sample(100, 0.0, 0.0, 1.0), ALPHA)
    assert estimate is not None and estimate.low < -0.01 < 0.01 < estimate.high


@given(st.floats(-5, 5), st.floats(0.001, 100), st.integers(100, 10**6), st.floats(0.001, 10))
def test_after_as_many_as_it_says_something_can_be_said(
    value: float, variance: float, n: int, smallest: float
) -> None:
    half = half_width(n, variance, ALPHA)
    now = Estimate(n, value, value - half, value + half, variance)
    if judge(now, "high", smallest) != "open":
        return
    enough = needed(now, smallest, ALPHA)
    assert enough > n
    for count, outcomes in ((enough, {"better", "worse", "same"}), (enough - 1, {"open"})):
        half = half_width(count, variance, ALPHA)
        then = Estimate(count, value, value - half, value + half, variance)
        assert judge(then, "high", smallest) in outcomes


@pytest.mark.parametrize(
    ("low", "high", "wanted", "said"),
    [
        (0.1, 3, "high", "better"),
        (0.1, 3, "low", "worse"),
        (-3, -0.1, "low", "better"),
        (-3, -0.1, "", "lower"),
        (0.1, 3, "", "higher"),
        (-0.5, 3, "high", "open"),
        (-0.5, 0.9, "high", "same"),
        (0.1, 0.9, "high", "same"),
    ],
)
def test_the_verdict(low: float, high: float, wanted: str, said: str) -> None:
    """Where less than 1 does not matter."""
    estimate = Estimate(100, (low + high) / 2, low, high, 1.0)
    assert judge(estimate, wanted, 1.0) == said  # type: ignore[arg-type]
    assert judge(None, wanted, 1.0) == "open"  # type: ignore[arg-type]
