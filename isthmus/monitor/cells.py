"""Cells: fine bins that no data choose, so that counts over them add up wherever they were made.

A cell is a number's distance from a centre, in a unit, cut to a 16-bit float: at most 1/512 of the distance
wide. What is farther than 2³³ units is in the last one.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# A sign, 6 bits of exponent, 9 of mantissa: a 32-bit float scaled to so small an exponent begins with them,
# and two bits that are 0 behind the sign. So a table has a gap: to close it for each row costs more.
HALF, BELOW = 1 << 15, 1 << 17
DROPPED, SCALE = 14, 2.0**-96
LAST = np.array([(HALF - 1) << DROPPED], np.uint32).view(np.float32)[0]
# So many rows at a time stay within a processor's cache.
AT_ONCE, ROW = 1 << 15, 1 << 12


class _Desk(threading.local):
    """Memory that a thread works in again and again: to ask for it anew takes longer than the work."""

    def __init__(self) -> None:
        self.apart, self.short = np.empty(AT_ONCE), np.empty(AT_ONCE, np.float32)
        self.places, self.held = np.empty(AT_ONCE, np.int64), np.empty(AT_ONCE, np.int64)
        self.value, self.under = np.empty(AT_ONCE), np.empty(AT_ONCE, bool)


_DESK = _Desk()


def none() -> Counts:
    """No rows in any cell; the system clears what is touched of it, which are few cells as a rule."""
    return np.zeros(BELOW + HALF, np.int64)


def distances(values: Floats, centre: float) -> Floats:
    """How far at most `AT_ONCE` values are from the centre; what is returned lasts until the next call."""
    apart = _DESK.apart[: len(values)]
    np.copyto(apart, values)
    # Added, not subtracted: so the distance of nothing has one sign, that of -0.0 from 0.0 too.
    return np.add(apart, 0.0 - centre, out=apart)


def squares(apart: Floats) -> float:
    """The sum of squared distances: of more at a time BLAS' threads would wait for each other."""
    whole = len(apart) // ROW * ROW
    table, rest = apart[:whole].reshape(-1, ROW), apart[whole:]
    with np.errstate(over="ignore"):
        return float(np.vecdot(table, table).sum() + np.vecdot(rest, rest))


def count(apart: Floats, unit: float, into: Counts, rows: Counts | int = 1) -> None:
    """Add at most `AT_ONCE` distances to the rows of their cells; `rows` is how often each stands."""
    np.add.at(into, of(apart, unit), rows)


def count_up_to(values: Floats, edges: NDArray[np.floating[Any]], into: Counts) -> None:
    """Add to each edge those of at most `AT_ONCE` values that are not above it."""
    under = _DESK.under[: len(values)]
    for place, edge in enumerate(edges):
        into[place] += np.count_nonzero(np.less_equal(values, edge, out=under))


def of(apart: Floats, unit: float) -> Counts:
    """The cell of each of at most `AT_ONCE` distances; what is returned lasts until the next call."""
    short = _DESK.short[: len(apart)]
    with np.errstate(over="ignore"):
        np.multiply(apart, SCALE / unit, out=short, casting="same_kind")
    np.clip(short, -LAST, LAST, out=short)
    return np.right_shift(short.view(np.uint32), DROPPED, out=_DESK.places[: len(apart)])


def held(apart: Floats, unit: float, table: Counts, values: Floats) -> tuple[Counts, Floats]:
    """For each of at most `AT_ONCE` distances what `table` has for its cell, and the value at that place.

    What is returned lasts until the next call.
    """
    rows = len(apart)
    # To clip is not to check: no place is outside.
    place = np.take(table, of(apart, unit), out=_DESK.held[:rows], mode="clip")
    return place, np.take(values, place, out=_DESK.value[:rows], mode="clip")


def added(one: Counts, other: Counts) -> Counts:
    """The rows of both."""
    both = none()
    np.add(_filled(one), _filled(other), out=_filled(both))
    return both


def _filled(counts: Counts) -> Counts:
    """A view of the cells without the gap: those not below the centre, and those below it."""
    return counts.reshape(-1, HALF)[:: BELOW // HALF]


def occupied(one: Counts, other: Counts) -> Counts:
    """The places of the cells in which one of two tables has rows, from the lowest cell to the highest."""
    above, below = (_filled(one) != 0) | (_filled(other) != 0)
    return np.concatenate([np.flatnonzero(below)[::-1] + BELOW, np.flatnonzero(above)])


def written(counts: Counts) -> tuple[Counts, Counts]:
    """The numbers of cells that have rows, as JSON holds them, without the gap; and their rows."""
    filled = _filled(counts).ravel()
    held = np.flatnonzero(filled)
    return held, filled[held]


def read(numbers: Counts, rows: Counts) -> Counts:
    """What `written` gave, as a table again."""
    counts = none()
    _filled(counts)[np.divmod(numbers, HALF)] = rows
    return counts


@cache
def _edges() -> Floats:
    """The bounds of all cells in units, from the lowest to the highest."""
    size = (np.arange(HALF, dtype=np.uint32) << DROPPED).view(np.float32) / SCALE
    far: Floats = np.append(size, np.inf)
    return np.concatenate([-far[:0:-1], far])


def ranks(places: Counts) -> Counts:
    """The cells' order, from the lowest to the highest, by their places."""
    return np.where(places < BELOW, HALF + places, BELOW + HALF - 1 - places)


def bounds(places: Counts, centre: float, unit: float) -> tuple[Floats, Floats]:
    """The bounds of cells, by their places."""
    edges, rank = _edges(), ranks(places)
    return edges[rank] * unit + centre, edges[rank + 1] * unit + centre
