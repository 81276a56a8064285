"""`statistics.json` and `constraints.json` about counted columns, in the format of SageMaker Model Monitor.

Format: "Schema for Statistics" and "Schema for Constraints" in the SageMaker developer guide. Features stand
in the order of their names, as `preprocessor` gives Model Monitor the rows of records.
"""

from __future__ import annotations

from typing import Any

from isthmus.config.model_monitor import THRESHOLD
from isthmus.monitor.baseline import Baseline, Column
from isthmus.monitor.deciles import edges, rows_between
from isthmus.monitor.numbers import Numbers
from isthmus.monitor.sides import side_by_side
from isthmus.monitor.texts import Texts


def statistics(counted: Baseline) -> dict[str, Any]:
    """`statistics.json` of counted columns."""
    features = [_described(name, one) for name, one in sorted(counted.items())]
    rows = max((one.n for one in counted.values()), default=0)
    return {"version": 0.0, "dataset": {"item_count": rows}, "features": features}


def _described(name: str, column: Column) -> dict[str, Any]:
    described = {"name": name, "inferred_type": inferred_type(column)}
    common = {"num_present": column.present, "num_missing": column.missing}
    if isinstance(column, Numbers):
        return described | {"numerical_statistics": {"common": common} | _moments(column)}
    return described | {"string_statistics": {"common": common} | _categories(column)}


def _categories(column: Texts) -> dict[str, Any]:
    buckets = [{"value": value, "count": rows} for value, rows in column.domain.items() if rows]
    return {"distinct_count": column.distinct, "distribution": {"categorical": {"buckets": buckets}}}


def _moments(column: Numbers) -> dict[str, Any]:
    """None of a column without a value: Model Monitor's are numbers."""
    moments: dict[str, Any] = {}
    if column.present:
        moments = {
            "mean": column.mean,
            "sum": column.mean * column.present,
            "std_dev": column.deviation,
            "min": column.least,
            "max": column.greatest,
        }
    return moments | {"distribution": {"kll": {"buckets": _buckets(column)}}}


def _buckets(column: Numbers) -> list[dict[str, float]]:
    """The deciles' bins that hold rows, between the least and the greatest value."""
    side = side_by_side(column, column)
    inner = edges(side.lower, side.upper, side.before)
    bounds = [column.least, *inner.tolist(), column.greatest]
    counts = rows_between(inner, side.upper, side.before).tolist()
    return [
        {"lower_bound": max(low, column.least), "upper_bound": min(high, column.greatest), "count": rows}
        for low, high, rows in zip(bounds[:-1], bounds[1:], counts, strict=True)
        if rows
    ]


def inferred_type(column: Column) -> str:
    if isinstance(column, Texts):
        return "String"
    return "Integral" if column.integral else "Fractional"


def constraints(counted: Baseline) -> dict[str, Any]:
    """`constraints.json`: what later data must be like to be like these columns."""
    comparison = {
        "perform_comparison": "Enabled",
        "comparison_threshold": THRESHOLD,
        "comparison_method": "Robust",
    }
    config = {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": comparison,
    }
    features = [_constrained(name, one) for name, one in sorted(counted.items())]
    return {"version": 0.0, "features": features, "monitoring_config": config}


def _constrained(name: str, column: Column) -> dict[str, Any]:
    one: dict[str, Any] = {
        "name": name,
        "inferred_type": inferred_type(column),
        "completeness": column.completeness,
    }
    if isinstance(column, Numbers):
        return one | {"num_constraints": {"is_non_negative": bool(column.present) and column.least >= 0}}
    # A text with more categories than are known has no domain that others could be outside of.
    return (
        one
        if column.others or column.held_out
        else one | {"string_constraints": {"domains": list(column.domain)}}
    )
