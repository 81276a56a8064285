"""Alarms on what functions log: lines of one kind are counted, and people are told when there are too many.

Single events have other ways to people: a dead letter, a rejected file, a failed pipeline. These tell of
what goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Construct

from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_cloudwatch, aws_logs

HOUR = 3600


@dataclass(frozen=True)
class Watched:
    """Lines with this `hop` in a function's log; `most` of them in an hour are no reason to wake anybody."""

    function: str
    hop: str
    metric: str
    most: int
    what: str


def watched(platform: Platform) -> list[Watched]:
    """What is counted in the automation account."""
    bridge, landing = names.bridge(platform), names.landing(platform)
    found = [
        Watched(bridge, "failed", "BridgeFailures", 2, "The bridge cannot reach Azure DevOps, or is denied"),
        Watched(
            bridge, "refused", "BridgeRefusals", 0, "The bridge refused an event as none that it may act on"
        ),
    ]
    if platform.lands:
        found += [
            Watched(landing, "rejected", "LandingRejections", 9, "Most of what lands is not fit to train on"),
            Watched(landing, "failed", "LandingFailures", 2, "Files that land cannot be checked"),
        ]
    return found


def log_alarms(scope: Construct, platform: Platform, notices: str, *after: Construct) -> None:
    """Count what is watched, and tell the topic `notices`; `after` are the functions that log it."""
    for one in watched(platform):
        group = names.function_log(one.function)
        made = aws_logs.CfnMetricFilter(
            scope,
            f"Count{one.metric}",
            filter_name=one.metric,
            log_group_name=group,
            filter_pattern=f'{{ $.hop = "{one.hop}" }}',
            metric_transformations=[
                {
                    "metricName": one.metric,
                    "metricNamespace": f"{names.METRIC_NAMESPACE}/{platform.name}",
                    "metricValue": "1",
                    "unit": "Count",
                }
            ],
        )
        made.node.add_dependency(*after)
        aws_cloudwatch.CfnAlarm(
            scope,
            f"Too{one.metric}",
            alarm_name=f"{one.function}-{one.hop}",
            alarm_description=f"{one.what}; see {group} in CloudWatch Logs, where hop is {one.hop}",
            namespace=f"{names.METRIC_NAMESPACE}/{platform.name}",
            metric_name=one.metric,
            statistic="Sum",
            period=HOUR,
            evaluation_periods=1,
            threshold=one.most,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[notices],
        )
