"""The findings as Model Monitor's and Clarify's own metrics, for the dashboards and alarms that read those.

Namespaces, names and dimensions: "CloudWatch Metrics" and "CloudWatch Metrics for Bias Drift Analysis" in the
SageMaker developer guide, and what their containers put.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isthmus import names
from isthmus.monitor.baseline import Baseline
from isthmus.monitor.bias import BEFORE_TRAINING
from isthmus.monitor.findings import Findings
from isthmus.monitor.numbers import Numbers

Datum = dict[str, Any]


def metrics(found: Findings, current: Baseline, target: str, endpoint: str) -> Mapping[str, list[Datum]]:
    """CloudWatch's data by namespace; `endpoint` is the name of what answered."""
    where = {
        "Endpoint": endpoint,
        "MonitoringSchedule": names.monitor_pipeline(found.model),
    }
    return {
        names.DATA_METRICS: [*_data(current, where), *_drift(found, where)],
        names.BIAS_METRICS: list(_bias(found, where, target)),
    }


def _data(current: Baseline, where: dict[str, str]) -> Iterator[Datum]:
    for name, column in current.items():
        if not column.n:
            continue
        yield _datum(f"feature_non_null_{name}", where) | {"Value": column.completeness}
        if isinstance(column, Numbers) and column.present:
            values = {
                "SampleCount": float(column.present),
                "Sum": column.mean * column.present,
                "Minimum": column.least,
                "Maximum": column.greatest,
            }
            yield _datum(f"feature_data_{name}", where) | {"StatisticValues": values}


def _drift(found: Findings, where: dict[str, str]) -> Iterator[Datum]:
    for one in found.drift:
        yield _datum(f"feature_baseline_drift_{one.feature}", where) | {"Value": one.value}


def _bias(found: Findings, where: dict[str, str], target: str) -> Iterator[Datum]:
    for one in found.bias:
        if one.now is not None:
            stage = "Pre-training" if one.name in BEFORE_TRAINING else "Post-Training"
            more = {"BiasStage": stage, "Label": target, "Facet": one.facet, "FacetValue": one.value}
            yield _datum(f"bias_metric_{one.name}", where | more) | {"Value": one.now}


def _datum(name: str, where: dict[str, str]) -> Datum:
    dimensions = [{"Name": key, "Value": ascii_only(value)} for key, value in where.items() if value]
    return {"MetricName": ascii_only(name)[:255], "Dimensions": dimensions}


def ascii_only(text: str) -> str:
    """CloudWatch takes no other characters in a dimension, and no more than 1,024 of them."""
    return text.encode("ascii", "backslashreplace").decode()[:1024]
