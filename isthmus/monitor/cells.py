"""Cells: fine bins that no data choose, so that counts over them add up wherever they were made.

A cell is a number's distance from a centre, in a unit, cut to a 16-bit float: at most 1/512 of the distance
wide. What is farther than 2³³ units is in the last one.
"""

from __future__ import annotations

import threading
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# A sign, 6 bits of exponent, 9 of mantissa: a 32-bit float scaled to so small an exponent begins with them.
CELLS, SIGN = 1 << 16, 1 << 15
DROPPED, SCALE = 14, 2.0**-96
# So many rows at a time stay within a processor's cache.
AT_ONCE = 1 << 15


class _Desk(threading.local):
    """Memory that a thread works in again and again: to ask for it anew takes longer than the work."""

    def __init__(self) -> None:
        self.apart, self.short = np.empty(AT_ONCE), np.empty(AT_ONCE, np.float32)
        self.size, self.sign = np.empty(AT_ONCE, np.uint32), np.empty(AT_ONCE, np.uint32)
        self.places, self.held = np.empty(AT_ONCE, np.int64), np.empty(AT_ONCE, np.int64)
        self.value = np.empty(AT_ONCE)


_DESK = _Desk()


def distances(values: Floats, centre: float) -> Floats:
    """How far at most `AT_ONCE` values are from the centre; what is returned lasts until the next call."""
    apart = _DESK.apart[: len(values)]
    np.copyto(apart, values)
    # Added, not subtracted: so the distance of nothing has one sign, that of -0.0 from 0.0 too.
    return np.add(apart, 0.0 - centre, out=apart)


def count(apart: Floats, unit: float, into: Counts, rows: Counts | int = 1) -> None:
    """Add at most `AT_ONCE` distances to the rows of their cells; `rows` is how often each stands."""
    np.add.at(into, of(apart, unit), rows)


def of(apart: Floats, unit: float) -> Counts:
    """The cell of each of at most `AT_ONCE` distances; what is returned lasts until the next call."""
    rows = len(apart)
    short, size, sign = _DESK.short[:rows], _DESK.size[:rows], _DESK.sign[:rows]
    with np.errstate(over="ignore"):
        np.multiply(apart, SCALE / unit, out=short, casting="same_kind")
    bits = short.view(np.uint32)
    np.left_shift(bits, 1, out=size)
    np.right_shift(size, DROPPED + 1, out=size)
    np.minimum(size, SIGN - 1, out=size)
    np.right_shift(bits, 31 - 15, out=sign)
    np.bitwise_and(sign, SIGN, out=sign)
    return np.bitwise_or(size, sign, out=_DESK.places[:rows])


def held(apart: Floats, unit: float, table: Counts, values: Floats) -> tuple[Counts, Floats]:
    """For each of at most `AT_ONCE` distances what `table` has for its cell, and the value at that place.

    What is returned lasts until the next call.
    """
    rows = len(apart)
    # To clip is not to check: no place is outside.
    place = np.take(table, of(apart, unit), out=_DESK.held[:rows], mode="clip")
    return place, np.take(values, place, out=_DESK.value[:rows], mode="clip")


def ordered(counts: Counts) -> Counts:
    """What `count` gives, from the lowest cell to the highest."""
    return np.concatenate([counts[: SIGN - 1 : -1], counts[:SIGN]])


@cache
def _edges() -> Floats:
    """The bounds of all cells in units, from the lowest to the highest."""
    size = (np.arange(SIGN, dtype=np.uint32) << DROPPED).view(np.float32) / SCALE
    far: Floats = np.append(size, np.inf)
    return np.concatenate([-far[:0:-1], far])


def bounds(places: Counts, centre: float, unit: float) -> tuple[Floats, Floats]:
    """The bounds of cells, by their places among what `ordered` gives."""
    edges = _edges()
    return edges[places] * unit + centre, edges[places + 1] * unit + centre
