"""How far data has moved from its baseline, and how far it may move by chance.

Under no drift the population stability index of n and m rows over B bins follows about
(1/n + 1/m)·χ²(B−1). A fixed threshold of 0.2 therefore cries wolf on few rows; the threshold here is the
larger of the configured one and that distribution's quantile (Yurdakul 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isthmus.monitor.baseline import Baseline, Histogram

# A bin that is empty on one side counts as half a row, so that the index stays finite.
HALF_ROW = 0.5


@dataclass(frozen=True)
class Drift:
    """One feature's drift: its index, and the index that chance alone stays below."""

    feature: str
    psi: float
    threshold: float

    @property
    def ratio(self) -> float:
        """Over 1 is drift."""
        return self.psi / self.threshold


def psi(baseline: Histogram, current: Histogram) -> float:
    """The population stability index of two histograms over the same bins."""
    expected, actual = _shares(baseline), _shares(current)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def _shares(histogram: Histogram) -> np.ndarray:
    counts: np.ndarray = np.maximum(np.asarray(histogram.counts, dtype=float), HALF_ROW)
    return np.asarray(counts / counts.sum())


def chance_bound(baseline: Histogram, current: Histogram, confidence: float) -> float:
    """The index that no drift stays below with probability `confidence`."""
    from scipy.stats import chi2

    n, m = sum(baseline.counts), sum(current.counts)
    used = sum(1 for mine, theirs in zip(baseline.counts, current.counts, strict=True) if mine or theirs)
    if not n or not m or used < 2:
        return 0.0
    return float((1 / n + 1 / m) * chi2.ppf(confidence, used - 1))


def drifts(baseline: Baseline, current: Baseline, *, threshold: float, confidence: float) -> list[Drift]:
    """Every feature's drift, the furthest first.

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
        if sum(current[name].counts)
    ]
    return sorted(found, key=lambda one: one.ratio, reverse=True)
