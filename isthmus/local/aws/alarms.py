"""CloudWatch alarms as AWS has them: each looks at its own series; every change of state is an event.

ministack looks at every series of a metric's name at once, over all evaluation periods as one, and tells no
bus. Here an alarm needs `DatapointsToAlarm` of its last `EvaluationPeriods` periods beyond the threshold.
A minute of an alarm on an endpoint's new fleet is as short as one of the rollout that it guards.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch

from isthmus.errors import Refused
from isthmus.local.aws import alarm_math, deliveries, events, scaling
from isthmus.local.sagemaker import service

Alarm = dict[str, Any]
SERVICE = "cloudwatch.amazonaws.com"
LOOK_SECONDS = 10
# The dimension that only metrics of one of an endpoint's fleets have.
FLEET = "EndpointConfigName"
MINUTE = 60.0
ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
logger = logging.getLogger("isthmus.alarms")
_act = cloudwatch._dispatch_alarm_actions
_minute = MINUTE
BREACHING: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def install(minute: float) -> None:
    global _minute
    _minute = minute
    cloudwatch._evaluate_alarm = evaluate
    cloudwatch._dispatch_alarm_actions = _act_and_tell
    alarm_math.install()


async def watch() -> None:
    """Look at every account's alarms now and then, for ever: no request tells of silence."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await asyncio.to_thread(service.look_after)
        scopes = {(account, region) for (account, region, _), _ in cloudwatch._alarms.all_items()}
        for account, region in scopes:
            with request_scope(account, region):
                cloudwatch._evaluate_all_alarms()
                # A policy goes on for as long as its alarm does.
                for alarm in list(cloudwatch._alarms.values()):
                    _scale(alarm, alarm["StateValue"])


def evaluate(alarm: Alarm, *, guards: bool = False) -> None:
    """Move the alarm to the state that its metric's last periods say, and act on a change.

    One that `guards` a rollout, on whatever metric, has that one's minutes.
    """
    pace = _minute / MINUTE if guards else _pace(alarm)
    if alarm.get("ComparisonOperator") not in BREACHING:
        return
    values = [value for value in _periods(alarm, pace) if value is not None]
    old = alarm["StateValue"]
    state = _state(alarm, pace) if values else _silent_state(alarm)
    if state == old:
        return
    reason = _reason(alarm, state, values)
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    alarm["StateReasonData"] = json.dumps(_reason_data(alarm, values))
    cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _state(alarm: Alarm, pace: float) -> str:
    periods = list(_periods(alarm, pace))
    threshold, beyond = float(alarm.get("Threshold") or 0), BREACHING[alarm["ComparisonOperator"]]
    missing = alarm.get("TreatMissingData") == "breaching"
    count = sum(missing if value is None else beyond(value, threshold) for value in periods)
    return "ALARM" if count >= int(alarm.get("DatapointsToAlarm") or len(periods)) else "OK"


def _silent_state(alarm: Alarm) -> str:
    """The state of an alarm in whose periods nothing at all was measured."""
    states = {"breaching": "ALARM", "notBreaching": "OK", "ignore": alarm["StateValue"]}
    return str(states.get(alarm.get("TreatMissingData") or "missing", "INSUFFICIENT_DATA"))


def _reason(alarm: Alarm, state: str, values: list[float]) -> str:
    if not values:
        return f"Threshold Crossed: no datapoints were received, which counts as {alarm['TreatMissingData']}."
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    return (
        f"Threshold Crossed: {len(values)} datapoint(s) {values} ({statistic}) "
        f"{'were' if state == 'ALARM' else 'were not'} {alarm['ComparisonOperator']} {alarm.get('Threshold')}"
    )


def _periods(alarm: Alarm, pace: float) -> Iterator[float | None]:
    """The value of each of the last periods, the newest first; None where nothing was measured.

    Of several series it is their greatest: see `alarm_math`.
    """
    for values in zip(*(_periods_of(one, pace) for one in alarm_math.series(alarm)), strict=True):
        yield max((value for value in values if value is not None), default=None)


def _periods_of(alarm: Alarm, pace: float) -> Iterator[float | None]:
    """The statistic of one series in each of the last periods."""
    period = float(alarm.get("Period") or 60) * pace
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    points, now = _points(alarm), time.time()
    for number in range(int(alarm.get("EvaluationPeriods") or 1)):
        end = now - number * period
        # What was measured in this very moment, by a clock a little ahead, belongs to the newest period.
        within = [
            point
            for point in points
            if end - period < point["Timestamp"] and (number == 0 or point["Timestamp"] <= end)
        ]
        yield cloudwatch._stat_value(cloudwatch._calc_stats(within), statistic, within) if within else None


def _pace(alarm: Alarm) -> float:
    of_one_fleet = any(one["Name"] == FLEET for one in alarm.get("Dimensions") or [])
    return _minute / MINUTE if of_one_fleet else 1.0


def _points(alarm: Alarm) -> list[dict[str, Any]]:
    """What was measured in exactly the alarm's series: namespace, name and all dimensions."""
    wanted = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    return [
        point
        for (namespace, name, _), points in cloudwatch._metrics.items()
        if (namespace, name) == (alarm.get("Namespace"), alarm.get("MetricName"))
        for point in points
        if (point.get("Dimensions") or {}) == wanted
    ]


def _reason_data(alarm: Alarm, values: list[float]) -> dict[str, Any]:
    return {
        "version": "1.0",
        "queryDate": _iso(time.time()),
        "statistic": alarm.get("Statistic"),
        "period": alarm.get("Period"),
        "recentDatapoints": values,
        "threshold": alarm.get("Threshold"),
    }


def _act_and_tell(alarm: Alarm, old: str, new: str, reason: str) -> None:
    allowed = {name: [arn for arn in alarm.get(name) or [] if _may_tell(alarm, arn)] for name in ACTIONS}
    _act(alarm | allowed, old, new, reason)
    _scale(alarm, new)
    state = {"value": new, "reason": reason, "timestamp": _iso(time.time())}
    if alarm.get("StateReasonData"):
        state["reasonData"] = alarm["StateReasonData"]
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
            "configuration": {
                "description": alarm.get("AlarmDescription") or "",
                "metrics": alarm_math.told(alarm) or [_metric(alarm)],
            },
        },
    )


def _scale(alarm: Alarm, state: str) -> None:
    """Carry out the scaling policies among an alarm's actions."""
    for action in alarm.get("AlarmActions") or [] if state == "ALARM" else []:
        if ":scalingPolicy:" in action:
            scaling.carry_out(action, alarm)


def _may_tell(alarm: Alarm, action: str) -> bool:
    """Whether a topic's policy, and that of its key, let CloudWatch in."""
    spec = parse_arn(action)
    if spec.service != "sns":
        return True
    account, region = get_account_id(), get_region()
    delivery = deliveries.Delivery(SERVICE, alarm["AlarmArn"], {"Arn": action}, spec, account, region)
    try:
        deliveries.require_policy(delivery)
    except Refused as refusal:
        logger.warning("alarm %s does not reach %s: %s", alarm["AlarmName"], action, refusal.what)
        return False
    return True


def _metric(alarm: Alarm) -> dict[str, Any]:
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    metric = {"name": alarm.get("MetricName"), "namespace": alarm.get("Namespace"), "dimensions": dimensions}
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    stat = {"metric": metric, "period": alarm.get("Period"), "stat": statistic}
    return {"id": "m1", "metricStat": stat, "returnData": True}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
