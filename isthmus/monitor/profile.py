"""`statistics.json` and `constraints.json` about a table, in the format of SageMaker Model Monitor.

Format: "Schema for Statistics" and "Schema for Constraints" in the SageMaker developer guide.
"""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from isthmus.monitor.baseline import Baseline, Histogram, is_number


def statistics(table: pl.DataFrame, counted: Baseline) -> dict[str, Any]:
    """`statistics.json` of a table, whose histograms are given."""
    features = [_described(table[name], histogram) for name, histogram in counted.items()]
    return {"version": 0.0, "dataset": {"item_count": table.height}, "features": features}


def _described(column: pl.Series, histogram: Histogram) -> dict[str, Any]:
    described = {"name": column.name, "inferred_type": inferred_type(column)}
    common = {"num_present": histogram.present, "num_missing": histogram.missing}
    if histogram.kind == "number":
        return described | {"numerical_statistics": {"common": common} | _moments(column, histogram)}
    buckets = [
        {"value": value, "count": rows}
        for value, rows in zip(histogram.domain, histogram.counts, strict=False)
        if rows
    ]
    of_text = {
        "common": common,
        "distinct_count": column.drop_nulls().n_unique(),
        "distribution": {"categorical": {"buckets": buckets}},
    }
    return described | {"string_statistics": of_text}


def _moments(column: pl.Series, histogram: Histogram) -> dict[str, Any]:
    values = column.cast(pl.Float64, strict=False)
    values = values.filter(values.is_finite())
    moments = {
        "mean": values.mean(),
        "sum": values.sum(),
        "std_dev": values.std(ddof=0),
        "min": values.min(),
        "max": values.max(),
    }
    return moments | {"distribution": {"kll": {"buckets": _buckets(values, histogram)}}}


def _buckets(values: pl.Series, histogram: Histogram) -> list[dict[str, float]]:
    """The bins that hold rows, between the least and the greatest value."""
    if not len(values):
        return []
    bounds = [-math.inf, *histogram.edges, math.inf]
    least, greatest = _float(values.min()), _float(values.max())
    return [
        {"lower_bound": max(low, least), "upper_bound": min(high, greatest), "count": rows}
        for low, high, rows in zip(bounds, bounds[1:], histogram.counts, strict=False)
        if rows
    ]


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def inferred_type(column: pl.Series) -> str:
    if column.dtype.is_integer() or column.dtype == pl.Boolean:
        return "Integral"
    return "Fractional" if column.dtype.is_numeric() else "String"


def constraints(table: pl.DataFrame, counted: Baseline) -> dict[str, Any]:
    """`constraints.json`: what later data must be like to be like this table."""
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
    features = [_constrained(table[name], histogram) for name, histogram in counted.items()]
    return {"version": 0.0, "features": features, "monitoring_config": config}


def _constrained(column: pl.Series, histogram: Histogram) -> dict[str, Any]:
    one: dict[str, Any] = {
        "name": column.name,
        "inferred_type": inferred_type(column),
        "completeness": histogram.completeness,
    }
    if is_number(column):
        lowest = column.cast(pl.Float64).fill_nan(None).min()
        return one | {"num_constraints": {"is_non_negative": isinstance(lowest, float) and lowest >= 0}}
    # A text with more categories than are kept has no domain that others could be outside of.
    if histogram.counts[-1]:
        return one
    return one | {"string_constraints": {"domains": histogram.domain}}
