"""A baseline: what a model's training data looked like, small enough to travel with the model.

Each feature becomes counts over fixed bins. Counts add, so a batch, a stream and shards are the same code.
Model Monitor's files about the same data are `profile`'s.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
LARGEST_DOMAIN = 50


@dataclass(frozen=True)
class Histogram:
    """One feature's values, counted.

    `edges` are the inner bin edges of a number (a value equal to an edge falls below it), `domain` the
    categories of a text; `counts` has one place more than either: the last bin, or all other categories.
    """

    kind: str
    edges: list[float]
    domain: list[str]
    counts: list[int]
    missing: int

    @property
    def present(self) -> int:
        return sum(self.counts)

    @property
    def n(self) -> int:
        return self.present + self.missing

    @property
    def completeness(self) -> float:
        return 1 - self.missing / self.n if self.n else 1.0

    def __add__(self, other: Histogram) -> Histogram:
        """Both histograms' rows; raises `ValueError` where their bins are not the same."""
        if (self.kind, self.edges, self.domain) != (other.kind, other.edges, other.domain):
            raise ValueError("only histograms over the same bins add up")
        counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        return Histogram(self.kind, self.edges, self.domain, counts, self.missing + other.missing)


Baseline = Mapping[str, Histogram]


def describe(column: pl.Series) -> Histogram:
    """A column's histogram over bins of its own: deciles of a number, the commonest categories of a text."""
    if is_number(column):
        return count(column, Histogram("number", _edges(_finite(column)), [], [], 0))
    sizes = column.drop_nulls().cast(pl.String).value_counts(name="rows")
    category = sizes.columns[0]
    common = sizes.sort(["rows", category], descending=[True, False]).head(LARGEST_DOMAIN)
    return count(column, Histogram("text", [], sorted(common[category].to_list()), [], 0))


def is_number(column: pl.Series) -> bool:
    return column.dtype.is_numeric() or column.dtype == pl.Boolean


def _edges(values: pl.Series) -> list[float]:
    """Deciles; of a number with few values these themselves, and what lies below the least is apart."""
    distinct = values.unique().sort().to_list()
    if 0 < len(distinct) <= BINS:
        return [math.nextafter(distinct[0], -math.inf), *distinct]
    quantiles = [values.quantile(step / BINS, "linear") for step in range(1, BINS)]
    return sorted({float(edge) for edge in quantiles if edge is not None})


def _finite(column: pl.Series) -> pl.Series:
    """Numbers, without those that are missing or endless."""
    values = column.cast(pl.Float64, strict=False)
    return values.filter(values.is_finite())


def count(column: pl.Series, bins: Histogram) -> Histogram:
    """`column` counted over the bins of another histogram. What is no number counts as missing in one."""
    if bins.kind == "number":
        values = _finite(column)
        places = pl.Series(bins.edges, dtype=pl.Float64).search_sorted(values, "left")
        size = len(bins.edges) + 1
    else:
        values = column.cast(pl.String).drop_nulls()
        known = {category: place for place, category in enumerate(bins.domain)}
        places = values.replace_strict(known, default=len(known), return_dtype=pl.UInt32)
        size = len(bins.domain) + 1
    counts = [0] * size
    for place, number in places.value_counts().iter_rows() if len(values) else ():
        counts[place] = number
    return Histogram(bins.kind, bins.edges, bins.domain, counts, len(column) - len(values))


def write_baseline(
    frame: pd.DataFrame | pl.DataFrame,
    directory: Path,
    *,
    features: Sequence[str],
    target: str,
    missing: Sequence[str] = (),
) -> Baseline:
    """Write `baseline.json`, `statistics.json` and `constraints.json` about the features of `frame`.

    `missing` is what stands for no value in requests, beside an empty cell.

    Raises `BadInput` for a feature that is no column of it, and for a frame without rows.
    """
    from isthmus.monitor.profile import constraints, statistics

    table = _table(frame, features)
    baseline = {name: describe(table[name]) for name in features}
    directory.mkdir(parents=True, exist_ok=True)
    written = {
        "version": 1,
        "target": target,
        "missing": list(missing),
        "features": {name: asdict(one) for name, one in baseline.items()},
    }
    for name, content, indent in (
        ("baseline.json", written, None),
        ("statistics.json", statistics(table, baseline), 1),
        ("constraints.json", constraints(table, baseline), 1),
    ):
        (directory / name).write_text(json.dumps(content, indent=indent, allow_nan=False))
    return baseline


def _table(frame: pd.DataFrame | pl.DataFrame, features: Sequence[str]) -> pl.DataFrame:
    missing = [name for name in features if name not in frame.columns]
    if missing:
        raise BadInput(f"no column {missing[0]!r} to describe", todo=f"columns: {', '.join(frame.columns)}")
    if not len(frame):
        raise BadInput("there are no rows to describe")
    chosen = frame[list(features)]
    return chosen if isinstance(chosen, pl.DataFrame) else pl.from_pandas(chosen)


def read_baseline(file: Path) -> tuple[Baseline, list[str]]:
    """The baseline in `file`, and what stands for no value in requests.

    Raises `BadInput` where there is none, or it is none of ours.
    """
    try:
        found = json.loads(file.read_text())
        return {name: Histogram(**one) for name, one in found["features"].items()}, found["missing"]
    except FileNotFoundError:
        raise BadInput("there is no baseline", where=str(file)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput("not a baseline of Isthmus", where=str(file)) from None
