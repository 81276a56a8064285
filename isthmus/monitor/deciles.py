"""The deciles of counted values, which are the bins of a number: where they end, and the rows in each."""

from __future__ import annotations

import math

import numpy as np

from isthmus.monitor.cells import Counts, Floats

BINS = 10
_ROUNDINGS = (np.floor, np.ceil)


def edges(lower: Floats, upper: Floats, rows: Counts) -> Floats:
    """Deciles of the `rows` from `lower` to `upper`, as `numpy.quantile` has them where these are the same.

    Of few values these themselves, and what lies below the least is apart.
    """
    held = np.flatnonzero(rows)
    if not len(held):
        return np.empty(0)
    if len(held) <= BINS:
        return np.concatenate([[math.nextafter(lower[held[0]], -math.inf)], upper[held]])
    within = np.cumsum(rows[held])
    ranks = np.arange(1, BINS) / BINS * (within[-1] - 1)
    below, above = (upper[held[np.searchsorted(within, rank(ranks), "right")]] for rank in _ROUNDINGS)
    # Between two values that are known lies a quantile; a cell is not cut.
    exact = bool(np.all(lower == upper))
    return np.unique(below + (above - below) * (ranks % 1) if exact else below)


def rows_between(inner: Floats, upper: Floats, rows: Counts) -> Counts:
    """The rows up to each edge and beyond the last, of places whose upper bounds rise."""
    return np.diff(up_to(inner, upper, rows), prepend=0, append=rows.sum())


def up_to(inner: Floats, upper: Floats, rows: Counts) -> Counts:
    """The rows that are not above each edge, of places whose upper bounds rise."""
    found: Counts = np.concatenate([[0], np.cumsum(rows)])[np.searchsorted(upper, inner, "right")]
    return found
