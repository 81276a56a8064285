"""How differently a group is served from all others: ratio and difference of shares, difference of means.

Each with its interval at a confidence: Katz's of a ratio, Newcombe's of a difference of shares (his method
10, of Wilson's intervals), a bootstrap of the rows for means.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from isthmus.container.metrics import interval_of
from isthmus.interval import Interval

# Of the rows that are the group's (True or False for each), at a confidence.
Disparity = Callable[[np.ndarray, float], Interval]


def impact(told: np.ndarray, group: np.ndarray, confidence: float) -> Interval:
    """The group's share of rows that are told so, by that of all others: Clarify's DI.

    Half a row is added to each count so that none is zero.
    """
    (ours, size), (theirs, rest) = ((float(one.sum()) + 0.5, len(one) + 1) for one in _sides(told, group))
    value = (ours / size) / (theirs / rest)
    error = math.sqrt(1 / ours - 1 / size + 1 / theirs - 1 / rest)
    wide = math.exp(_deviations(confidence) * error)
    return Interval(value, value / wide, value * wide)


def proportions(told: np.ndarray, group: np.ndarray, confidence: float) -> Interval:
    """The share of all others that are told so, less the group's: Clarify's DPPL, whose sign it has."""
    ours, theirs = (_wilson(one, confidence) for one in _sides(told, group))
    value = theirs.value - ours.value
    low = math.hypot(theirs.value - theirs.ci_low, ours.ci_high - ours.value)
    high = math.hypot(theirs.ci_high - theirs.value, ours.value - ours.ci_low)
    return Interval(value, value - low, value + high)


def means(values: np.ndarray, group: np.ndarray, confidence: float) -> Interval:
    """The group's mean, less that of all others, in the values' unit."""
    ours, theirs = group.astype(float), (~group).astype(float)

    def apart(counts: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            found: np.ndarray = counts @ (values * ours) / (counts @ ours) - counts @ (values * theirs) / (
                counts @ theirs
            )
        return found

    return interval_of(apart, len(values), confidence)


def _sides(told: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return told[group], told[~group]


def _wilson(told: np.ndarray, confidence: float) -> Interval:
    size, share, squared = len(told), float(told.mean()), _deviations(confidence) ** 2
    middle = (share + squared / (2 * size)) / (1 + squared / size)
    half = math.sqrt(squared * (share * (1 - share) / size + squared / (4 * size**2))) / (1 + squared / size)
    return Interval(share, middle - half, middle + half)


def _deviations(confidence: float) -> float:
    """How many standard deviations to each side hold so much of a normal distribution."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)
