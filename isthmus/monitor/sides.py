"""Two columns of numbers side by side, over the same values or the same cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from isthmus.monitor.cells import Counts, Floats, bounds, occupied, of, ranks
from isthmus.monitor.numbers import Numbers


@dataclass(frozen=True)
class Side:
    """`before` and `now` are the rows from `lower` to `upper`, in rising order.

    Where both columns are exact, `lower` and `upper` are the same value. `deciles` are those of what was
    before, where they are known otherwise than by these rows.
    """

    lower: Floats
    upper: Floats
    before: Counts
    now: Counts
    deciles: Floats = field(default_factory=lambda: np.empty(0))

    @cached_property
    def functions(self) -> tuple[Floats, Floats] | None:
        """Both distribution functions below the first place and after each; None without rows on a side."""
        if not self.before.sum() or not self.now.sum():
            return None
        was, is_ = (np.concatenate([[0.0], np.cumsum(one) / one.sum()]) for one in (self.before, self.now))
        return was, is_


def side_by_side(before: Numbers, now: Numbers) -> Side:
    """Both columns' rows over the same values, or the same cells where one of them is not exact."""
    if before.exact and now.exact:
        values = np.union1d(before.values, now.values)
        return Side(values, values, _spread(before, values), _spread(now, values))
    was, is_ = before.in_cells(), now.in_cells()
    held = occupied(was, is_)
    lower, upper = bounds(held, before.centre, before.unit)
    least, greatest = min(before.least, now.least), max(before.greatest, now.greatest)
    whole = Side(np.maximum(lower, least), np.minimum(upper, greatest), was[held], is_[held])
    place = np.searchsorted(ranks(held), ranks(of(before.edges - before.centre, before.unit)))
    return _cut(whole, before, now, place)


def _cut(whole: Side, before: Numbers, now: Numbers, place: Counts) -> Side:
    """Cells cut at the edges, up to which rows are counted; `place` is that of each edge's cell."""
    within = place < len(whole.upper)
    place, edges = place[within], before.edges[within]

    def rows(in_cells: Counts, up_to: Counts) -> Counts:
        ends = np.insert(np.cumsum(in_cells), place, up_to[within])
        found: Counts = ends - np.concatenate([[0], ends[:-1]])
        return found

    was, is_ = rows(whole.before, before.not_above()), rows(whole.now, now.not_above())
    upper = np.insert(whole.upper, place, edges)
    # What is above an edge begins right above it; a bound of cells is known to a rounding only.
    begins = np.maximum.accumulate(np.insert(np.full(len(whole.upper), -np.inf), place, edges))
    lower = np.insert(whole.lower, place, whole.lower[place])
    lower[1:] = np.maximum(lower[1:], np.nextafter(begins[:-1], np.inf))
    upper = np.minimum.accumulate(upper[::-1])[::-1]
    held = was + is_ > 0
    return Side(np.minimum(lower, upper)[held], upper[held], was[held], is_[held], before.deciles)


def _spread(one: Numbers, values: Floats) -> Counts:
    rows = np.zeros(len(values), np.int64)
    rows[np.searchsorted(values, one.values)] = one.rows
    return rows
