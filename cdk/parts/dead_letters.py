"""Dead letters: each is something that did not happen, so people are told at once."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.queues import Queue
from isthmus.resource_types import aws_cloudwatch


def watch(scope: Construct, dead_letters: Queue, description: str, notices: str) -> None:
    """Tell the topic `notices` as soon as a message lies in the queue."""
    name = dead_letters.name.removesuffix("-dlq")
    aws_cloudwatch.CfnAlarm(
        scope,
        "Lost",
        alarm_name=f"{name}-dead-letters",
        alarm_description=description,
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions=[{"name": "QueueName", "value": dead_letters.name}],
        statistic="Maximum",
        period=60,
        evaluation_periods=1,
        threshold=0,
        comparison_operator="GreaterThanThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=[notices],
    )
