"""A column of numbers, counted: exactly while it holds few different ones, else over fine cells.

What is counted adds up, so a batch, a stream and shards on many machines come to the same. Both sides of a
comparison share centre and unit, so their cells are the same. How far they are apart is `distances`'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isthmus.monitor import cells, deciles
from isthmus.monitor.cells import AT_ONCE, Counts, Floats

# So many different values are kept as they are.
EXACT = 4096
# What one in so many rows of training has alone is counted apart from its cell.
MARK = 50
# Sums stop here: the square of 1e200 is no number, and one such value must not take the others with it.
MOST = float(np.finfo(np.float64).max)
UNITS = (-990, 970)
T = TypeVar("T", np.float64, np.int64)


@dataclass
class Numbers:
    """One column's numbers; `missing` are nulls and what is no finite number.

    `values` with `rows` are its different values while there are at most `EXACT`; then `cells` alone, counted
    from the start. `total` and `squares` are sums of the distance from `centre` and of its square.
    `deciles` and `marks` (values that many rows have) are those of training; `up_to` has, where cells are
    counted, the rows that are not above each of the `edges`, so that cells are cut there.
    """

    centre: float = 0.0
    unit: float = 1.0
    present: int = 0
    missing: int = 0
    total: float = 0.0
    squares: float = 0.0
    least: float = np.inf
    greatest: float = -np.inf
    integral: bool = True
    values: Floats = field(default_factory=lambda: np.empty(0))
    rows: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    cells: Counts | None = None
    deciles: Floats = field(default_factory=lambda: np.empty(0))
    marks: Floats = field(default_factory=lambda: np.empty(0))
    up_to: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    # For each cell where among `values` to look for one that lies in it.
    _place: Counts | None = field(default=None, repr=False, compare=False)

    kind = "number"

    @property
    def exact(self) -> bool:
        return self.cells is None

    @cached_property
    def edges(self) -> Floats:
        """The deciles and marks, and right below each mark."""
        return np.unique(np.concatenate([self.deciles, self.marks, np.nextafter(self.marks, -np.inf)]))

    @cached_property
    def _edges_of_floats(self) -> NDArray[np.float32]:
        """For each edge the greatest 32-bit float that is not above it."""
        with np.errstate(over="ignore"):
            near = self.edges.astype(np.float32)
        return np.where(near > self.edges, np.nextafter(near, np.float32(-np.inf)), near)

    @property
    def n(self) -> int:
        return self.present + self.missing

    @property
    def completeness(self) -> float:
        return 1 - self.missing / self.n if self.n else 1.0

    @property
    def mean(self) -> float:
        return self.centre + self.total / self.present if self.present else float("nan")

    @property
    def deviation(self) -> float:
        """The standard deviation of all rows (not of a sample of them)."""
        n = self.present
        mean = self.total / n if n else float("nan")
        return float(np.sqrt(max(0.0, self.squares / n - min(mean * mean, MOST)))) if n else float("nan")

    def empty(self) -> Numbers:
        """No rows, in the same cells; counted over them from the start where this column is."""
        none = Numbers(self.centre, self.unit, deciles=self.deciles, marks=self.marks)
        if not self.exact:
            none.cells, none.up_to = cells.none(), np.zeros(len(self.edges), np.int64)
        return none

    def add(self, column: pl.Series) -> None:
        """Count a column's rows; what is no number in it is missing."""
        if column.len() > column.null_count():
            self.integral &= column.dtype.is_integer() or column.dtype == pl.Boolean
        if column.dtype != pl.Float32:
            column = column.cast(pl.Float64, strict=False)
        # A column in pieces is not copied into one.
        pieces = (piece.to_numpy() for piece in column.get_chunks())
        unknown = [self._count(part) for piece in pieces for part in _parts(piece)]
        if any(map(len, unknown)):
            self._keep(np.concatenate(unknown))

    def _count(self, values: Floats) -> Floats:
        """Count values, and return those that are to be kept and are not among those that are."""
        apart = cells.distances(values, self.centre)
        total = float(apart.sum())
        if not np.isfinite(total):
            finite = np.isfinite(apart)
            self.missing += len(values) - int(finite.sum())
            values, apart = values[finite], apart[finite]
            total = float(apart.sum())
        if not len(values):
            return values
        self.present += len(values)
        self.total = within(self.total + total)
        self.squares = within(self.squares + cells.squares(apart))
        self.least = min(self.least, float(values.min()) + 0.0)
        self.greatest = max(self.greatest, float(values.max()) + 0.0)
        if self.cells is not None:
            self._count_in(self.cells, values, apart)
        elif len(self.values):
            return self._unknown(values, apart)
        else:
            self._keep(values)
        return values[:0]

    def _count_in(self, table: Counts, values: Floats, apart: Floats) -> None:
        cells.count(apart, self.unit, table)
        edges: NDArray[Any] = self._edges_of_floats if values.dtype == np.float32 else self.edges
        cells.count_up_to(values, edges, self.up_to)

    def _keep(self, values: Floats) -> None:
        """Keep different values with their rows, and turn to cells where they become too many."""
        if len(np.unique(values[: 2 * EXACT])) > EXACT:
            table = self._turn()
            for part in _parts(values):
                self._count_in(table, part, cells.distances(part, self.centre))
        else:
            self._merge(*np.unique(values.astype(np.float64) + 0.0, return_counts=True))

    def _unknown(self, values: Floats, apart: Floats) -> Floats:
        """Count what is among the values already, which costs no sorting, and return the rest."""
        if self._place is None:
            self._place = self._find(cells.none())
        place, held = cells.held(apart, self.unit, self._place, self.values)
        # Few are unknown as a rule: to count them and take them off again is cheaper than to leave them out.
        unknown = np.flatnonzero(held != values)
        np.add.at(self.rows, place, 1)
        np.subtract.at(self.rows, place[unknown], 1)
        rest: Floats = values[unknown]
        return rest

    def _merge(self, values: Floats, rows: Counts) -> None:
        both, place = np.unique(np.concatenate([self.values, values]), return_inverse=True)
        self.rows = np.bincount(place, np.concatenate([self.rows, rows])).astype(np.int64)
        self.values = both
        if len(both) > EXACT:
            self._turn()
        elif self._place is not None:
            self._find(self._place)

    def _find(self, table: Counts) -> Counts:
        """Enter each value's place at its cell; what stands at others is looked for in vain."""
        table[cells.of(self.values - self.centre, self.unit)] = np.arange(len(self.values))
        return table

    def _turn(self) -> Counts:
        self.cells, self.up_to = self.in_cells(), self.not_above()
        self.values, self.rows, self._place = np.empty(0), np.empty(0, np.int64), None
        return self.cells

    def in_cells(self) -> Counts:
        """The rows of each cell, at the place that `cells.of` gives."""
        if self.cells is not None:
            return self.cells
        found = cells.none()
        for values, rows in zip(_parts(self.values), _parts(self.rows), strict=True):
            cells.count(values - self.centre, self.unit, found, rows)
        return found

    def not_above(self) -> Counts:
        """The rows that are not above each edge."""
        return deciles.up_to(self.edges, self.values, self.rows) if self.exact else self.up_to

    def __add__(self, other: Numbers) -> Numbers:
        """Both columns' rows; raises `ValueError` where their cells are not the same."""
        if (self.centre, self.unit) != (other.centre, other.unit):
            raise ValueError("only numbers in the same cells add up")
        both = replace(
            self,
            present=self.present + other.present,
            missing=self.missing + other.missing,
            total=within(self.total + other.total),
            squares=within(self.squares + other.squares),
            least=min(self.least, other.least),
            greatest=max(self.greatest, other.greatest),
            integral=self.integral and other.integral,
            rows=self.rows.copy(),
            _place=None,
        )
        if self.exact and other.exact:
            both._merge(other.values, other.rows)
        else:
            both.cells = cells.added(self.in_cells(), other.in_cells())
            both.up_to = self.not_above() + other.not_above()
            both.values, both.rows = np.empty(0), np.empty(0, np.int64)
        return both

    def record(self) -> dict[str, Any]:
        """As JSON holds it; cells without rows are left out."""
        told: dict[str, Any] = {"kind": self.kind}
        told |= {name: getattr(self, name) for name in _PLAIN}
        told |= {"least": self.least, "greatest": self.greatest} if self.present else {}
        told |= {"deciles": self.deciles.tolist(), "marks": self.marks.tolist()}
        if self.cells is None:
            return told | {"values": self.values.tolist(), "rows": self.rows.tolist()}
        held, rows = cells.written(self.cells)
        return told | {"cells": held.tolist(), "rows": rows.tolist(), "up_to": self.up_to.tolist()}


_PLAIN = ("centre", "unit", "missing", "total", "squares", "integral")


def read(record: dict[str, Any]) -> Numbers:
    """What `Numbers.record` wrote."""
    told = {name: record[name] for name in (*_PLAIN, "least", "greatest") if name in record}
    rows = np.asarray(record["rows"], np.int64)
    told["present"] = int(rows.sum())
    # An older baseline has none of these.
    told |= {name: np.asarray(record.get(name, []), np.float64) for name in ("deciles", "marks")}
    if "values" in record:
        return Numbers(**told, values=np.asarray(record["values"], np.float64), rows=rows)
    counted = cells.read(np.asarray(record["cells"], np.int64), rows)
    return Numbers(**told, cells=counted, up_to=np.asarray(record.get("up_to", []), np.int64))


def _parts(values: NDArray[T]) -> Iterator[NDArray[T]]:
    """At most `AT_ONCE` at a time."""
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def within(total: float) -> float:
    """A sum, or the greatest number where it is greater."""
    return max(-MOST, min(total, MOST))


def around(column: pl.Series) -> Numbers:
    """No rows yet, in cells that suit a column like this one: around its median, which is a 32-bit float.

    A value that half of the rows have is no centre: others may be far from it, and would share a few cells.
    """
    values = column.cast(pl.Float64, strict=False).to_numpy()
    values = values[np.isfinite(values)]
    if not len(values):
        return Numbers()
    different, rows = np.unique(values + 0.0, return_counts=True)
    marks = different[rows * MARK >= len(values)]
    median = _median(values)
    others = values[values != median]
    if 0 < len(others) <= len(values) / 2:
        values, median = others, _median(others)
    with np.errstate(over="ignore"):
        centre = float(np.float32(median))
        centre = centre if np.isfinite(centre) else median
        far = np.minimum(np.abs(values - centre), MOST)
        typical = float(np.median(far) or min(far.mean(), MOST) or 1.0)
    # So that the bounds of cells are numbers too, and no subnormal ones.
    unit = float(2.0 ** np.clip(np.floor(np.log2(typical)), *UNITS))
    return Numbers(centre, unit, deciles=_deciles(different, rows), marks=marks)


def _deciles(values: Floats, rows: Counts) -> Floats:
    with np.errstate(over="ignore"):
        return np.clip(deciles.edges(values, values, rows), -MOST, MOST)


def _median(values: Floats) -> float:
    return float(np.quantile(values, 0.5, method="lower"))
