"""What is noticed about the rows of a sample, beside those that the version in prod was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from isthmus.build import table
from isthmus.build.sample import ROWS
from isthmus.config import ModelConfig
from isthmus.container.tabular import read_rows
from isthmus.monitor.baseline import describe, read_baseline
from isthmus.monitor.findings import Drift
from isthmus.monitor.training_drift import against


@dataclass(frozen=True)
class Column:
    """A feature in the sample. What is missing are shares of rows; None where prod has no such feature.

    `is_scattered` is one of texts with more different ones than half of its rows: names, ids, or prose.
    """

    name: str
    missing: float
    is_constant: bool
    is_scattered: bool = False
    missing_in_prod: float | None = None
    drift: Drift | None = None


@dataclass(frozen=True)
class Quality:
    """`target` says how often the commonest values of the target stand; none of a regression's.

    `rows` have a target; `untold` had none, and nothing is learned from them.
    """

    rows: int
    untold: int
    doubled: int
    target: dict[str, int]
    columns: tuple[Column, ...]


def look(config: ModelConfig, sample: Path, prod: Path | None) -> Quality:
    """The sample's rows, and how far each feature is from what the version in `prod` was trained on."""
    rows = pl.from_pandas(read_rows(sample / ROWS, config))
    raw = (table.read(file.read_bytes(), file.name, config) for file in (sample / ROWS).rglob("*.csv"))
    known = read_baseline(prod / "baseline.json")[0] if prod else {}
    moved = {one.feature: one for one in against(known, rows[config.features])}
    return Quality(
        rows=len(rows),
        untold=sum(len(one.rows) for one in raw) - len(rows),
        doubled=len(rows) - rows.unique().height,
        target=dict(_values(rows[config.target], config)),
        columns=tuple(
            _column(rows[name], known[name].completeness if name in known else None, moved.get(name))
            for name in config.features
        ),
    )


def _column(values: pl.Series, before: float | None, drift: Drift | None) -> Column:
    there = values.drop_nulls()
    distinct = there.n_unique()
    return Column(
        values.name,
        missing=1 - describe(values).completeness,
        is_constant=distinct < 2,
        is_scattered=values.dtype == pl.String and distinct > max(1, len(there) / 2),
        missing_in_prod=None if before is None else 1 - before,
        drift=drift,
    )


def _values(target: pl.Series, config: ModelConfig) -> Iterator[tuple[str, int]]:
    if config.problem == "regression":
        return
    for value, rows in target.value_counts(sort=True).head(10).iter_rows():
        yield str(value), rows
