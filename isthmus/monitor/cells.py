"""Cells: fine bins that no data choose, so that counts over them add up wherever they were made.

A cell is a number's distance from a centre, in a unit, cut to a 16-bit float: at most 1/512 of the distance
wide.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# A sign, 6 bits of exponent, 9 of mantissa: a 32-bit float scaled to so small an exponent begins with them.
CELLS, SIGN = 1 << 16, 1 << 15
DROPPED, SCALE = 14, 2.0**-96
# What is farther than so many units falls into the last cell.
FARTHEST = 2.0**32 * (1 - 2.0**-11)
# So many rows at a time stay within a processor's cache.
AT_ONCE = 1 << 16


class _Desk(threading.local):
    """Memory that a thread works in again and again: to ask for it anew takes longer than the work."""

    def __init__(self) -> None:
        self.apart, self.near = np.empty(AT_ONCE), np.empty(AT_ONCE)
        self.short = np.empty(AT_ONCE, np.float32)
        self.bits, self.sign = np.empty(AT_ONCE, np.uint32), np.empty(AT_ONCE, np.uint32)
        self.places = np.empty(AT_ONCE, np.int64)


_DESK = _Desk()


def distances(values: Floats, centre: float) -> Floats:
    """How far at most `AT_ONCE` values are from the centre; what is returned lasts until the next call."""
    return np.subtract(values, centre, dtype=np.float64, out=_DESK.apart[: len(values)])


def count(apart: Floats, unit: float, rows: Counts | None = None) -> Counts:
    """How many of at most `AT_ONCE` distances lie in each cell; `rows` is how often each stands."""
    return np.bincount(of(apart, unit), rows, minlength=CELLS).astype(np.int64, copy=False)


def of(apart: Floats, unit: float) -> Counts:
    """The cell of each of at most `AT_ONCE` distances; what is returned lasts until the next call."""
    size = len(apart)
    near, short, bits, sign = _DESK.near[:size], _DESK.short[:size], _DESK.bits[:size], _DESK.sign[:size]
    np.clip(apart, -FARTHEST * unit, FARTHEST * unit, out=near)
    # Nothing is added, so that nothing has one sign.
    np.add(near, 0.0, out=near)
    np.multiply(near, SCALE / unit, out=short, casting="same_kind")
    np.right_shift(short.view(np.uint32), DROPPED, out=bits)
    np.right_shift(bits, 31 - 15 - DROPPED, out=sign)
    np.bitwise_and(sign, SIGN, out=sign)
    np.bitwise_and(bits, SIGN - 1, out=bits)
    return np.bitwise_or(bits, sign, out=_DESK.places[:size])


def bounds(centre: float, unit: float) -> tuple[Floats, Floats, Counts]:
    """Each cell's bounds, from the lowest cell to the highest, and its place in what `count` gives."""
    size = (np.arange(SIGN + 1, dtype=np.uint32) << DROPPED).view(np.float32).astype(np.float64)
    size *= unit / SCALE
    size[-1] = np.finfo(np.float64).max
    near, far = size[:-1], size[1:]
    lower, upper = np.concatenate([-far[::-1], near]), np.concatenate([-near[::-1], far])
    lower[SIGN] = -far[0]
    places = np.concatenate([np.arange(CELLS - 1, SIGN - 1, -1), np.arange(SIGN)])
    return lower + centre, upper + centre, places
