"""Two columns over the bins of the first: what indices, tests and pictures of drift are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isthmus.monitor.cells import Counts, Floats
from isthmus.monitor.deciles import BINS, edges, rows_between
from isthmus.monitor.numbers import Numbers
from isthmus.monitor.sides import Side, side_by_side
from isthmus.monitor.texts import Texts

Column = Numbers | Texts


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
    known = side.deciles if len(side.deciles) else edges(side.lower, side.upper, side.before)
    return _between(known, side)


def of_both(side: Side) -> Histogram:
    """The rows of `side` over the deciles of both; what holds a tenth of the rows alone is apart.

    A test needs these: where one side chooses the bins, its rows in them vary by less than chance.
    """
    rows = side.before + side.now
    alone = side.upper[rows * BINS >= rows.sum()]
    return _between(
        np.union1d(edges(side.lower, side.upper, rows), [np.nextafter(alone, -math.inf), alone]), side
    )


def _between(inner: Floats, side: Side) -> Histogram:
    sides = (rows_between(inner, side.upper, one) for one in (side.before, side.now))
    return Histogram([_name(inner, place) for place in range(len(inner) + 1)], *sides)


def _name(inner: Floats, place: int) -> str:
    if not len(inner):
        return "all"
    if place == len(inner):
        return f"above {inner[-1]:.4g}"
    if place == 0 and len(inner) > 1 and math.nextafter(inner[0], math.inf) == inner[1]:
        return f"under {inner[1]:.4g}"
    return f"to {inner[place]:.4g}" if place == 0 else f"{inner[place - 1]:.4g} to {inner[place]:.4g}"
