"""How far data has moved from its baseline, and how far it may move by chance.

Under no drift the population stability index of n and m rows over B bins follows about
(1/n + 1/m)·χ²(B−1). A fixed threshold of 0.2 therefore cries wolf on few rows; the threshold here is the
larger of the configured one and that distribution's quantile (Yurdakul 2018).
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri

from isthmus.monitor.baseline import Baseline, Histogram
from isthmus.monitor.findings import Drift

# A bin that is empty on one side counts as half a row, so that the index stays finite.
HALF_ROW = 0.5
# The usual rule for χ²: a category with fewer rows to expect says nothing alone.
FEWEST_ROWS = 5


def psi(baseline: Histogram, current: Histogram) -> float:
    """The population stability index of two histograms over the same bins; 0 where one has no rows."""
    expected, actual = _compared(baseline, current)
    if not baseline.present or not current.present:
        return 0.0
    return _index(expected, actual)


def chance_bound(baseline: Histogram, current: Histogram, confidence: float) -> float:
    """The index that no drift stays below with probability `confidence`; 0 where nothing can differ."""
    n, m = baseline.present, current.present
    bins = len(_compared(baseline, current)[0])
    if not n or not m or bins < 2:
        return 0.0
    return float((1 / n + 1 / m) * chdtri(bins - 1, 1 - confidence))


def drifts(baseline: Baseline, current: Baseline, *, threshold: float, confidence: float) -> list[Drift]:
    """The drift of every feature that has values, the furthest first.

    `confidence` holds for all features together: each is tested at a Bonferroni share of it.
    """
    each = 1 - (1 - confidence) / max(1, len(baseline))
    found = [
        Drift(
            name,
            psi(histogram, current[name]),
            max(threshold, chance_bound(histogram, current[name], each)),
        )
        for name, histogram in baseline.items()
        if current[name].present
    ]
    return sorted(found, key=lambda one: (-one.ratio, one.feature))


def _index(expected: np.ndarray, actual: np.ndarray) -> float:
    before, now = (np.maximum(side, HALF_ROW) for side in (expected, actual))
    before, now = before / before.sum(), now / now.sum()
    return float(np.sum((now - before) * np.log(now / before)))


def _compared(baseline: Histogram, current: Histogram) -> tuple[np.ndarray, np.ndarray]:
    """Both sides' rows in the bins that hold any; a text's rare categories stand with its unknown ones.

    Without that, a baseline of few rows makes categories unknown that were only too rare to be in it.
    """
    both = np.array([baseline.counts, current.counts], dtype=float)
    if baseline.kind == "text":
        smaller = min(baseline.present, current.present)
        to_expect = both.sum(axis=0) / max(1.0, both.sum()) * smaller
        rare = to_expect < FEWEST_ROWS
        rare[-1] = True
        both = np.column_stack([both[:, ~rare], both[:, rare].sum(axis=1)])
    both = both[:, both.sum(axis=0) > 0]
    return both[0], both[1]
