"""CloudWatch alarms as AWS has them: each looks at its own dimensions; every change of state is an event."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch

from isthmus.local.aws import events

_evaluate = cloudwatch._evaluate_alarm
_act = cloudwatch._dispatch_alarm_actions


def install() -> None:
    cloudwatch._evaluate_alarm = _evaluate_own_dimensions
    cloudwatch._dispatch_alarm_actions = _act_and_tell


def _evaluate_own_dimensions(alarm: dict[str, Any]) -> None:
    """ministack looks at every series of the metric's name; an alarm is about exactly one."""
    wanted = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    all_series = cloudwatch._metrics
    cloudwatch._metrics = {
        key: points
        for key, points in all_series.items()
        if points and points[0].get("Dimensions", {}) == wanted
    }
    try:
        _evaluate(alarm)
    finally:
        cloudwatch._metrics = all_series


def _act_and_tell(alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
    _act(alarm, old, new, reason)
    now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    state = {"value": new, "reason": reason, "timestamp": now}
    events.put_event(
        get_account_id(),
        get_region(),
        source="aws.cloudwatch",
        detail_type="CloudWatch Alarm State Change",
        resources=[alarm["AlarmArn"]],
        detail={
            "alarmName": alarm["AlarmName"],
            "state": state,
            "previousState": {"value": old},
            "configuration": {"description": alarm.get("AlarmDescription", ""), "metrics": [_metric(alarm)]},
        },
    )


def _metric(alarm: dict[str, Any]) -> dict[str, Any]:
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    metric = {"name": alarm.get("MetricName"), "namespace": alarm.get("Namespace"), "dimensions": dimensions}
    stat = {"metric": metric, "period": alarm.get("Period"), "stat": alarm.get("Statistic")}
    return {"id": "m1", "metricStat": stat, "returnData": True}
