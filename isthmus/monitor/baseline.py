"""A baseline: what a model's training data looked like, small enough to travel with the model.

Each feature becomes counts over fixed bins. Counts add, so a batch, a stream and shards are the same code.
`statistics.json` and `constraints.json` are in the format of SageMaker Model Monitor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

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
    def n(self) -> int:
        return sum(self.counts) + self.missing

    @property
    def completeness(self) -> float:
        return 1 - self.missing / self.n if self.n else 1.0

    def __add__(self, other: Histogram) -> Histogram:
        counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        return Histogram(self.kind, self.edges, self.domain, counts, self.missing + other.missing)


Baseline = Mapping[str, Histogram]


def describe(column: pl.Series) -> Histogram:
    """A column's histogram over bins of its own: deciles of a number, the commonest categories of a text."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        values = column.cast(pl.Float64).drop_nulls().drop_nans()
        quantiles = [values.quantile(step / BINS, "linear") for step in range(1, BINS)]
        edges = sorted({float(edge) for edge in quantiles if edge is not None})
        return count(column, Histogram("number", edges, [], [], 0))
    common = column.drop_nulls().cast(pl.String).value_counts(sort=True).head(LARGEST_DOMAIN)
    return count(column, Histogram("text", [], sorted(common.to_series(0).to_list()), [], 0))


def count(column: pl.Series, bins: Histogram) -> Histogram:
    """`column` counted over the bins of another histogram."""
    if bins.kind == "number":
        values = column.cast(pl.Float64, strict=False).fill_nan(None).drop_nulls()
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


def write_baseline(frame: pd.DataFrame, directory: Path, *, features: Sequence[str], target: str) -> Baseline:
    """Write `baseline.json`, `statistics.json` and `constraints.json` about the features of `frame`."""
    table = pl.from_pandas(frame[list(features)])
    baseline = {name: describe(table[name]) for name in features}
    directory.mkdir(parents=True, exist_ok=True)
    written = {
        "version": 1,
        "target": target,
        "features": {name: asdict(one) for name, one in baseline.items()},
    }
    (directory / "baseline.json").write_text(json.dumps(written))
    (directory / "statistics.json").write_text(json.dumps(statistics(table), indent=1))
    (directory / "constraints.json").write_text(json.dumps(constraints(table, baseline), indent=1))
    return baseline


def read_baseline(file: Path) -> Baseline:
    found = json.loads(file.read_text())
    return {name: Histogram(**one) for name, one in found["features"].items()}


def statistics(table: pl.DataFrame) -> dict[str, Any]:
    """Model Monitor's `statistics.json` of a table."""
    features = [_statistics(table[name]) for name in table.columns]
    return {"version": 0.0, "dataset": {"item_count": table.height}, "features": features}


def _statistics(column: pl.Series) -> dict[str, Any]:
    common = {"num_present": len(column) - column.null_count(), "num_missing": column.null_count()}
    described = {"name": column.name, "inferred_type": inferred_type(column)}
    if column.dtype.is_numeric():
        moments = {
            "common": common,
            "mean": column.mean(),
            "sum": column.sum(),
            "std_dev": column.std(ddof=0),
            "min": column.min(),
            "max": column.max(),
        }
        return described | {"numerical_statistics": moments}
    return described | {
        "string_statistics": {"common": common, "distinct_count": column.drop_nulls().n_unique()}
    }


def inferred_type(column: pl.Series) -> str:
    if column.dtype.is_integer():
        return "Integral"
    return "Fractional" if column.dtype.is_numeric() else "String"


def constraints(table: pl.DataFrame, baseline: Baseline) -> dict[str, Any]:
    """Model Monitor's `constraints.json`: what later data must be like."""
    features = []
    for name, histogram in baseline.items():
        one: dict[str, Any] = {
            "name": name,
            "inferred_type": inferred_type(table[name]),
            "completeness": histogram.completeness,
        }
        if histogram.kind == "number":
            lowest = table[name].min()
            one["num_constraints"] = {"is_non_negative": isinstance(lowest, int | float) and lowest >= 0}
        else:
            one["string_constraints"] = {"domains": histogram.domain}
        features.append(one)
    comparison = {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.2,
        "comparison_method": "Robust",
    }
    config = {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": comparison,
    }
    return {"version": 0.0, "features": features, "monitoring_config": config}
