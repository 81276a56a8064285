"""Which columns have drifted: farther than matters, and farther than chance brings so many rows.

A fixed threshold cries wolf on few rows, and a test alone does so on many, where any difference is beyond
chance. A column drifts here when both say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from isthmus.monitor import distances
from isthmus.monitor.baseline import Baseline, Column
from isthmus.monitor.findings import Drift
from isthmus.monitor.histogram import Histogram, histogram, of_both, of_numbers
from isthmus.monitor.numbers import Numbers
from isthmus.monitor.sides import side_by_side
from isthmus.monitor.texts import Texts

# What is too small to matter, where deploy.yaml does not say; a test of no size has none.
THRESHOLDS = {
    "psi": 0.2,
    "jensen_shannon": 0.1,
    "wasserstein": 0.1,
    "kolmogorov_smirnov": 0.1,
    "chi_squared": 0.0,
}


@dataclass(frozen=True)
class Rule:
    """What decides: a statistic for each kind of column, how much of it matters, how sure a finding must be.

    `confidence` holds for all columns together as `correction` says (`distances.adjust`). A threshold of 0
    leaves the decision to the test.
    """

    numbers: str = "psi"
    texts: str = "psi"
    thresholds: Mapping[str, float] = field(default_factory=dict)
    confidence: float = 0.99
    correction: str = "holm"

    def statistic(self, column: Column) -> str:
        return self.numbers if isinstance(column, Numbers) else self.texts

    def threshold(self, statistic: str) -> float:
        return self.thresholds.get(statistic, THRESHOLDS[statistic])


@dataclass(frozen=True)
class Measured:
    """A column's distances from its baseline, how wrong each can be, and what tells each one's probability.

    `wasserstein` is in standard deviations of the baseline. A probability is that of the distance and as much
    more as is asked for.
    """

    distances: dict[str, float]
    errors: dict[str, float]
    chances: dict[str, Callable[[float], float]]


def measure(before: Column, now: Column) -> Measured:
    """All distances of two columns that are counted alike."""
    if isinstance(before, Numbers) and isinstance(now, Numbers):
        return _numbers(before, now)
    bins = histogram(before, now)
    return _bins(bins, bins)


def _bins(shown: Histogram, tested: Histogram) -> Measured:
    statistic, chance = distances.pearson(tested.before, tested.now)
    found = {
        "psi": distances.population_stability(shown.before, shown.now),
        "jensen_shannon": distances.jensen_shannon(shown.before, shown.now),
        "chi_squared": statistic,
    }
    return Measured(found, dict.fromkeys(found, 0.0), dict.fromkeys(found, lambda _more: chance))


def _numbers(before: Numbers, now: Numbers) -> Measured:
    side = side_by_side(before, now)
    found = _bins(of_numbers(side), of_both(side))
    apart, error = distances.kolmogorov_smirnov(side)
    moved, unsure = distances.wasserstein(side)
    # No distribution moves less than its mean, which is known.
    moved = max(moved, abs(now.mean - before.mean)) if before.present and now.present else 0.0
    scale = before.deviation or 1.0
    return Measured(
        found.distances | {"kolmogorov_smirnov": apart, "wasserstein": moved / scale},
        found.errors | {"kolmogorov_smirnov": error, "wasserstein": unsure / scale},
        found.chances
        | {
            "kolmogorov_smirnov": lambda more: distances.chance_of(apart + more, before.present, now.present),
            # By permutations, so it is worked out where it is asked for, and once.
            "wasserstein": cache(lambda more: distances.chance_of_moving(side, more * scale)),
        },
    )


def columns(baseline: Baseline) -> Baseline:
    """What is compared: each column, and of prose how long its texts are and which words they have."""
    found: dict[str, Column] = {}
    for name, one in baseline.items():
        found[name] = one
        if isinstance(one, Texts) and one.lengths:
            found[f"{name} (characters)"] = one.lengths
        if isinstance(one, Texts) and one.words:
            found[f"{name} (words)"] = one.words
    return found


def drifts(baseline: Baseline, current: Baseline, rule: Rule) -> list[Drift]:
    """The drift of every column that has values now, the furthest first."""
    now = columns(current)
    return decide(
        {
            name: (rule.statistic(one), measure(one, now[name]))
            for name, one in columns(baseline).items()
            if one.present and now[name].present
        },
        rule,
    )


def decide(measured: Mapping[str, tuple[str, Measured]], rule: Rule) -> list[Drift]:
    """What the rule says of columns, each with the statistic that decides, the furthest first."""
    chances = _adjusted([one.chances[statistic](0.0) for statistic, one in measured.values()], rule)
    possible = _adjusted(
        [one.chances[statistic](_more(one, statistic, rule)) for statistic, one in measured.values()], rule
    )
    level = 1 - rule.confidence
    found = []
    for (name, (statistic, one)), chance, least in zip(measured.items(), chances, possible, strict=True):
        threshold = rule.threshold(statistic)
        most = one.distances[statistic] + one.errors[statistic]
        is_possible = least < level and most > threshold
        found.append(Drift(name, statistic, one.distances, one.errors, threshold, chance, level, is_possible))
    return sorted(found, key=lambda one: (-one.ratio, one.feature))


def _adjusted(chances: list[float], rule: Rule) -> list[float]:
    found: list[float] = distances.adjust(np.array(chances), rule.correction).tolist()
    return found


def _more(one: Measured, statistic: str, rule: Rule) -> float:
    """How much more a distance may be, where that decides."""
    error = one.errors[statistic]
    return error if abs(one.distances[statistic] - rule.threshold(statistic)) <= error else 0.0
