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
# The usual rule for χ²: a category with fewer rows to expect says nothing alone.
FEWEST_ROWS = 5
# Bins of a number lie beside each other; joined by so many they keep more of its shape.
FEWEST_JOINED = 2


@dataclass(frozen=True)
class Histogram:
    """`names` say what each bin holds; `before` and `now` are its rows."""

    names: list[str]
    before: Counts
    now: Counts

    def pooled(self) -> Histogram:
        """Rare categories stand with the last bin, and bins without rows are left out.

        Without that, a baseline of few rows makes categories unknown that were only too rare to be in it.
        """
        both = np.array([self.before, self.now])
        smaller = both.sum(axis=1).min()
        to_expect = both.sum(axis=0) / max(1, both.sum()) * smaller
        rare = to_expect < FEWEST_ROWS
        rare[-1] = True
        names = [name for name, one in zip(self.names, rare, strict=True) if not one]
        both = np.column_stack([both[:, ~rare], both[:, rare].sum(axis=1)])
        held = both.sum(axis=0) > 0
        kept = [name for name, one in zip([*names, "others"], held, strict=True) if one]
        return Histogram(kept, both[0][held], both[1][held])

    def joined(self) -> Histogram:
        """Neighbouring bins of few rows stand together: a χ² of a row here and there is nearly all chance."""
        both = np.array([self.before, self.now])
        to_expect = both.sum(axis=0) / max(1, both.sum()) * both.sum(axis=1).min()
        place, room = np.zeros(len(to_expect), int), 0.0
        for number, rows in enumerate(to_expect):
            place[number] = place[number - 1] + (room >= FEWEST_JOINED) if number else 0
            room = rows + (room if number and place[number] == place[number - 1] else 0.0)
        if room < FEWEST_JOINED and place[-1]:
            place[place == place[-1]] -= 1
        sides = (np.bincount(place, side).astype(np.int64) for side in both)
        firsts = np.unique(place, return_index=True)[1]
        return Histogram([self.names[first] for first in firsts], *sides)


def histogram(before: Column, now: Column) -> Histogram:
    """Deciles of a number, or its few values themselves; the categories of a text, and all others."""
    if isinstance(before, Numbers) and isinstance(now, Numbers):
        return of_numbers(side_by_side(before, now))
    if isinstance(before, Texts) and isinstance(now, Texts):
        sides = ([*one.domain.values(), one.others] for one in (before, now))
        return Histogram([*before.domain, "others"], *(np.array(side, np.int64) for side in sides))
    raise ValueError("only columns counted alike can be compared")


def of_numbers(side: Side) -> Histogram:
    """The rows of `side` over the deciles of what was before; what equals an edge falls below it."""
    inner = edges(side)
    sides = (rows_between(inner, side.upper, one) for one in (side.before, side.now))
    return Histogram([_name(inner, place) for place in range(len(inner) + 1)], *sides)


def rows_between(inner: Floats, upper: Floats, rows: Counts) -> Counts:
    """The rows up to each edge and beyond the last, of places whose upper bounds rise."""
    ends = np.searchsorted(upper, inner, "right")
    within = np.concatenate([[0], np.cumsum(rows)])
    return np.diff(within[ends], prepend=0, append=within[-1])


def edges(side: Side) -> Floats:
    """Deciles; of a number with few values these themselves, and what lies below the least is apart."""
    held = np.flatnonzero(side.before)
    if not len(held):
        return np.empty(0)
    if len(held) <= BINS:
        return np.concatenate([[math.nextafter(side.lower[held[0]], -math.inf)], side.upper[held]])
    within = np.cumsum(side.before[held])
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
