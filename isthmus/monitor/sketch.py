"""A sketch: all that a monitor keeps of the rows it has seen, however many they were. Sketches add up.

Where rows come from is `parquet`'s and `capture`'s; what follows from a sketch, `drift`'s and `violations`'.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import reduce
from operator import add

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
    """The sketch of all frames, counted on every core; only a few frames are held at a time."""
    workers = len(os.sched_getaffinity(0))
    local, made = threading.local(), list[Sketch]()

    def count(frame: pl.DataFrame) -> None:
        if not hasattr(local, "sketch"):
            local.sketch = empty(baseline)
            made.append(local.sketch)
        local.sketch.add(frame)

    counting: set[Future[None]] = set()
    with ThreadPoolExecutor(workers) as pool:
        for frame in frames:
            counting.add(pool.submit(count, frame))
            if len(counting) == 2 * workers:
                counted, counting = wait(counting, return_when=FIRST_COMPLETED)
                _check(counted)
    _check(counting)
    return reduce(add, made or [empty(baseline)])


def _check(counted: Iterable[Future[None]]) -> None:
    """Raise what went wrong in any of them."""
    for one in counted:
        one.result()
