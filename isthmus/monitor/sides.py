"""Two columns of numbers side by side, over the same values or the same cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from isthmus.monitor.cells import Counts, Floats, bounds, occupied
from isthmus.monitor.numbers import Numbers


@dataclass(frozen=True)
class Side:
    """`before` and `now` are the rows from `lower` to `upper`, in rising order.

    Where both columns are exact, `lower` and `upper` are the same value.
    """

    lower: Floats
    upper: Floats
    before: Counts
    now: Counts

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
        return Side(values, values, *(_spread(one, values) for one in (before, now)))
    was, is_ = before.in_cells(), now.in_cells()
    held = occupied(was, is_)
    lower, upper = bounds(held, before.centre, before.unit)
    least, greatest = min(before.least, now.least), max(before.greatest, now.greatest)
    return Side(np.maximum(lower, least), np.minimum(upper, greatest), was[held], is_[held])


def _spread(one: Numbers, values: Floats) -> Counts:
    rows = np.zeros(len(values), np.int64)
    rows[np.searchsorted(values, one.values)] = one.rows
    return rows
