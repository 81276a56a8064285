"""The metric that says which version a stage serves: put by each deployment and each run of its monitor."""

from __future__ import annotations

from typing import Any

from isthmus.names import VERSION_METRIC


def served(model: str, stage: str, version: int) -> dict[str, Any]:
    """CloudWatch's datum of it."""
    where = [{"Name": "Model", "Value": model}, {"Name": "Stage", "Value": stage}]
    return {"MetricName": VERSION_METRIC, "Dimensions": where, "Value": float(version)}
