"""A sketch: all that a monitor keeps of the rows it has seen, however many they were. Sketches add up.

Where rows come from is `parquet`'s and `capture`'s; what follows from a sketch, `drift`'s and `violations`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from isthmus.monitor.baseline import Baseline, Column
from isthmus.monitor.numbers import Numbers
from isthmus.monitor.texts import Texts


@dataclass
class Sketch:
    """Columns counted as those of a baseline are; `rows` are all rows seen."""

    columns: Mapping[str, Column]
    rows: int = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a frame that has the columns."""
        for name, column in self.columns.items():
            column.add(frame[name])
        self.rows += frame.height

    def __add__(self, other: Sketch) -> Sketch:
        both = {name: _both(one, other.columns[name]) for name, one in self.columns.items()}
        return Sketch(both, self.rows + other.rows)


def _both(one: Column, other: Column) -> Column:
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        return one + other
    if isinstance(one, Texts) and isinstance(other, Texts):
        return one + other
    raise ValueError("only columns counted alike add up")


def empty(baseline: Baseline) -> Sketch:
    """Of no rows yet, counted so that they can be compared with the baseline's."""
    return Sketch({name: one.empty() for name, one in baseline.items()})


def sketch(frames: Iterable[pl.DataFrame], baseline: Baseline) -> Sketch:
    """The sketch of all frames, of which one is held at a time.

    One thread counts, and polars' read ahead of it: numpy counts with Python's lock held, so two that count
    wait for each other and take longer than one.
    """
    found = empty(baseline)
    for frame in frames:
        found.add(frame)
    return found
