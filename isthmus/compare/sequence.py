"""Intervals that hold at every look: one may look after each request, and stop when one likes.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central
limit theory and asymptotic confidence sequences" (2021, Annals of Statistics 2024, arXiv:2103.06476): its
theorem 2.2, and for two arms section 3, where the known share of each arm makes one stream of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# The interval is at its narrowest, of all that hold at every look, after so many.
BEST_AT = 1000
# Below so many in each arm a variance is a guess, and nothing is claimed.
FEWEST = 50


@dataclass(frozen=True)
class Sample:
    """So many observations, their mean and variance; `span` is how far apart two of them can be."""

    n: int
    mean: float
    variance: float
    span: float

    @property
    def cautious(self) -> float:
        """The variance with one observation more, as far off as can be: what was never seen may yet come."""
        return self.variance + self.span**2 / self.n


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval, after `n` observations with this variance each."""

    n: int
    value: float
    low: float
    high: float
    variance: float


def sample(values: Floats, span: float | None = None) -> Sample:
    """At least one value; without `span`, what lies between the least and the greatest of them."""
    apart = float(np.ptp(values)) if span is None else span
    return Sample(len(values), float(values.mean()), float(values.var()), apart)


def share(hits: int, n: int) -> Sample:
    """The sample of `n` zeros and ones of which so many are ones."""
    part = hits / n
    return Sample(n, part, part * (1 - part), 1.0)


def half_width(n: int, variance: float, alpha: float) -> float:
    """Half of the interval's width after `n` observations."""
    rho = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / BEST_AT
    inner = n * rho + 1
    return math.sqrt(variance * 2 * inner / (n * n * rho) * math.log(math.sqrt(inner) / alpha))


def of_pairs(differences: Sample, alpha: float) -> Estimate | None:
    """The mean difference of pairs; None where they are too few to say anything."""
    if differences.n < FEWEST:
        return None
    return _estimate(differences.n, differences.mean, differences.cautious, alpha)


def between(champion: Sample, challenger: Sample, alpha: float) -> Estimate | None:
    """How much higher the challenger's mean is; None where one of them has too few to say anything."""
    if min(champion.n, challenger.n) < FEWEST:
        return None
    n = champion.n + challenger.n
    variance = n * (champion.cautious / champion.n + challenger.cautious / challenger.n)
    return _estimate(n, challenger.mean - champion.mean, variance, alpha)


def _estimate(n: int, value: float, variance: float, alpha: float) -> Estimate:
    half = half_width(n, variance, alpha)
    return Estimate(n, value, value - half, value + half, variance)


def needed(estimate: Estimate, smallest: float, alpha: float) -> int:
    """About how many observations it takes in all until something can be said, if they go on as they do."""
    enough = max(abs(estimate.value), smallest - abs(estimate.value))
    few, many = 1, estimate.n
    while half_width(many, estimate.variance, alpha) >= enough:
        few, many = many, many * 2
    while many - few > 1:
        middle = (few + many) // 2
        if half_width(middle, estimate.variance, alpha) < enough:
            many = middle
        else:
            few = middle
    return many
