"""What SageMaker measured of each variant's requests: how many failed, and how long they took, by minute.

A failed request is not captured, and how long one took neither. CloudWatch keeps minutes for 15 days and
five minutes for 63: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from isthmus.compare.sequence import Floats, Sample, share

NAMESPACE = "AWS/SageMaker"
FINE, COARSE = 60, 300
KEPT_FINE = timedelta(days=14)
_STATISTICS = {
    "failed": ("Invocation5XXErrors", "Sum"),
    "asked": ("Invocation5XXErrors", "SampleCount"),
    "latency": ("ModelLatency", "Average"),
}


@dataclass(frozen=True)
class Measured:
    """A variant's requests and failures, and its mean latency in milliseconds, by the period's begin."""

    asked: int
    failed: int
    latency: Mapping[datetime, float]

    @property
    def errors(self) -> Sample | None:
        return share(self.failed, self.asked) if self.asked else None


def measure(
    cloudwatch: Any, endpoint: str, variant: str, config: str, since: datetime, now: datetime
) -> Measured:
    """What was measured of the variant under this endpoint configuration."""
    where = {"EndpointName": endpoint, "VariantName": variant, "EndpointConfigName": config}
    period = FINE if now - since < KEPT_FINE else COARSE
    queries = [
        {
            "Id": id_,
            "MetricStat": {
                "Metric": {
                    "Namespace": NAMESPACE,
                    "MetricName": metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in where.items()],
                },
                "Period": period,
                "Stat": statistic,
            },
        }
        for id_, (metric, statistic) in _STATISTICS.items()
    ]
    found: dict[str, dict[datetime, float]] = {id_: {} for id_ in _STATISTICS}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=since.replace(second=0, microsecond=0),
        EndTime=now + timedelta(seconds=period),
    )
    for page in pages:
        for one in page["MetricDataResults"]:
            found[one["Id"]].update(zip(one["Timestamps"], one["Values"], strict=True))
    milliseconds = {at: micro / 1000 for at, micro in found["latency"].items()}
    asked, failed = (round(sum(found[id_].values())) for id_ in ("asked", "failed"))
    return Measured(asked, failed, milliseconds)


def side_by_side(champion: Measured, challenger: Measured) -> tuple[Floats, Floats]:
    """Both latencies in the periods in which both were asked: what slows down both slows no comparison."""
    times = sorted(champion.latency.keys() & challenger.latency.keys())
    return (
        np.array([champion.latency[at] for at in times], dtype=float),
        np.array([challenger.latency[at] for at in times], dtype=float),
    )
