"""Two columns over the bins of the first: what indices, tests and pictures of drift are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isthmus.monitor.cells import Counts, Floats
from isthmus.monitor.numbers import Numbers
from isthmus.monitor.sides import Side, side_by_side
from isthmus.monitor.texts import Texts

Column = Numbers | Texts
BINS = 10


@dataclass(frozen=True)
class Histogram:
    """`names` say what each bin holds; `before` and `now` are its rows."""

    names: list[str]
    before: Counts
    now: Counts


def histogram(before: Column, now: Column) -> Histogram:
    """Deciles of a number, or its few values themselves; the categories of a text, and all others.

    Of a text's baseline those rows alone that had no say in which categories these are: with the others a
    category that was common by chance would be rarer now, and all others more.
    """
    if isinstance(before, Numbers) and isinstance(now, Numbers):
        return of_numbers(side_by_side(before, now))
    if isinstance(before, Texts) and isinstance(now, Texts):
        sides = ([*one.domain.values(), one.others] for one in (before.held_out or before, now))
        return Histogram([*before.domain, "others"], *(np.array(side, np.int64) for side in sides))
    raise ValueError("only columns counted alike can be compared")


def of_numbers(side: Side) -> Histogram:
    """The rows of `side` over the deciles of what was before; what equals an edge falls below it."""
    return _between(edges(side, side.before), side)


def of_both(side: Side) -> Histogram:
    """The rows of `side` over the deciles of both; what holds a tenth of the rows alone is apart.

    A test needs these: where one side chooses the bins, its rows in them vary by less than chance.
    """
    rows = side.before + side.now
    alone = side.upper[rows * BINS >= rows.sum()]
    return _between(np.union1d(edges(side, rows), [np.nextafter(alone, -math.inf), alone]), side)


def _between(inner: Floats, side: Side) -> Histogram:
    sides = (rows_between(inner, side.upper, one) for one in (side.before, side.now))
    return Histogram([_name(inner, place) for place in range(len(inner) + 1)], *sides)


def rows_between(inner: Floats, upper: Floats, rows: Counts) -> Counts:
    """The rows up to each edge and beyond the last, of places whose upper bounds rise."""
    ends = np.searchsorted(upper, inner, "right")
    within = np.concatenate([[0], np.cumsum(rows)])
    return np.diff(within[ends], prepend=0, append=within[-1])


def edges(side: Side, rows: Counts) -> Floats:
    """Deciles of `rows`; of few values these themselves, and what lies below the least is apart."""
    held = np.flatnonzero(rows)
    if not len(held):
        return np.empty(0)
    if len(held) <= BINS:
        return np.concatenate([[math.nextafter(side.lower[held[0]], -math.inf)], side.upper[held]])
    within = np.cumsum(rows[held])
    ranks = np.arange(1, BINS) / BINS * (within[-1] - 1)
    below, above = (side.upper[held[np.searchsorted(within, rank(ranks), "right")]] for rank in _ROUNDINGS)
    # Between two values that are known lies a quantile; a cell is not cut.
    exact = bool(np.all(side.lower == side.upper))
    return np.unique(below + (above - below) * (ranks % 1) if exact else below)


_ROUNDINGS = (np.floor, np.ceil)


def _name(inner: Floats, place: int) -> str:
    if not len(inner):
        return "all"
    if place == len(inner):
        return f"above {inner[-1]:.4g}"
    if place == 0 and len(inner) > 1 and math.nextafter(inner[0], math.inf) == inner[1]:
        return f"under {inner[1]:.4g}"
    return f"to {inner[place]:.4g}" if place == 0 else f"{inner[place - 1]:.4g} to {inner[place]:.4g}"
