"""CloudWatch alarms on several metrics, of which ministack's CloudFormation has none: the greatest of them.

Of metric math that is the one expression that our stacks have; any other is refused.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html: ten metrics at most.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

Alarm = dict[str, Any]
GREATEST = "MAX(METRICS())"
MOST = 10
_record = provisioners._cw_metric_alarm_record


def install() -> None:
    provisioners._cw_metric_alarm_record = _recorded


def _recorded(name: str, properties: Alarm) -> Alarm:
    """An alarm as ministack keeps it, with the metrics of a template's beside it."""
    queries = properties.get("Metrics")
    found: Alarm
    if not queries:
        found = _record(name, properties)
        return found
    measured = [one["MetricStat"] for one in queries if "MetricStat" in one]
    watched = [one for one in queries if one.get("ReturnData", True)]
    if [one.get("Expression") for one in watched] != [GREATEST]:
        raise ValueError(f"The local CloudWatch has of metric math in alarms only {GREATEST}.")
    if len(measured) > MOST:
        raise ValueError(f"An alarm on metric math may reference {MOST} metrics, not {len(measured)}.")
    plain = {key: value for key, value in properties.items() if key != "Metrics"}
    first = measured[0]
    one = {"MetricName": "-", "Namespace": "-", "Period": first["Period"], "Statistic": first["Stat"]}
    found = _record(name, plain | one)
    return found | {"Metrics": queries}


def series(alarm: Alarm) -> list[Alarm]:
    """The series that an alarm looks at, each as an alarm on that alone."""
    measured = [one["MetricStat"] for one in alarm.get("Metrics") or [] if "MetricStat" in one]
    return [alarm | _of(one) for one in measured] or [alarm]


def _of(measured: Alarm) -> Alarm:
    metric = measured["Metric"]
    return {
        "MetricName": metric["MetricName"],
        "Namespace": metric["Namespace"],
        "Dimensions": metric.get("Dimensions", []),
        "Period": measured["Period"],
        "Statistic": measured["Stat"],
        "ExtendedStatistic": None,
    }


def told(alarm: Alarm) -> list[dict[str, Any]]:
    """The metrics as an event has them; nothing of an alarm on one."""
    return [_told(one) for one in alarm.get("Metrics") or []]


def _told(query: Alarm) -> dict[str, Any]:
    said = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "Expression" in query:
        return said | {"expression": query["Expression"]}
    stat = query["MetricStat"]
    metric = {
        "namespace": stat["Metric"]["Namespace"],
        "name": stat["Metric"]["MetricName"],
        "dimensions": {one["Name"]: one["Value"] for one in stat["Metric"].get("Dimensions", [])},
    }
    return said | {"metricStat": {"metric": metric, "period": stat["Period"], "stat": stat["Stat"]}}
