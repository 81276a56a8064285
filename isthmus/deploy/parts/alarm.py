"""The alarms of CloudWatch; which there are, and when raised, is data in `alarms.py` and `rollout.py`."""

from __future__ import annotations

from typing import Any

from constructs import Construct

from isthmus import names
from isthmus.deploy.alarms import Alarm, alarms
from isthmus.deploy.deployment import Deployment
from isthmus.deploy.parts.excuse import excuse
from isthmus.deploy.rollout import rollback_alarms
from isthmus.resource_types import aws_cloudwatch as cloudwatch

GREATEST = "MAX(METRICS())"


def make_alarms(scope: Construct, deployment: Deployment) -> None:
    """Those that page tell the account's topic."""
    compared = deployment.compared is not None
    for alarm in alarms(
        deployment.platform,
        deployment.config,
        deployment.stage,
        compared=compared,
        registered=deployment.registered,
    ):
        made = _make_alarm(scope, alarm, [_topic(deployment)] if alarm.pages else None)
        if not alarm.pages:
            excuse(
                made,
                "EventBridge carries every change of its state to the automation account's bus",
                "NIST.800.53.R5-CloudWatchAlarmAction",
            )


def make_rollback_alarms(
    scope: Construct, deployment: Deployment, endpoint_config: str
) -> list[cloudwatch.CfnAlarm]:
    """Those that turn the rollout of this configuration back; the endpoint's update has to wait for them.

    None where a version is put beside another: that changes the variants, and SageMaker moves all at once.
    """
    if deployment.compared:
        return []
    wanted = rollback_alarms(deployment.platform, deployment.config, deployment.stage, endpoint_config)
    return [_make_alarm(scope, alarm, [_topic(deployment)]) for alarm in wanted]


def _topic(deployment: Deployment) -> str:
    return f"arn:aws:sns:{deployment.region}:{deployment.account}:{names.topic(deployment.platform)}"


def _make_alarm(scope: Construct, alarm: Alarm, topics: list[str] | None) -> cloudwatch.CfnAlarm:
    return cloudwatch.CfnAlarm(
        scope,
        alarm.id,
        alarm_name=alarm.name,
        alarm_description=alarm.message,
        **_watched(alarm),
        threshold=alarm.threshold,
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.datapoints,
        comparison_operator=alarm.comparison,
        treat_missing_data=alarm.missing,
        alarm_actions=topics,
        ok_actions=topics if alarm.tells_end else None,
    )


def _watched(alarm: Alarm) -> dict[str, Any]:
    """The metric; or several and the greatest of them, which all are about the same dimensions."""
    dimensions = [{"name": name, "value": value} for name, value in alarm.dimensions.items()]
    if isinstance(alarm.metric, str):
        percentile = alarm.statistic.startswith("p")
        return {
            "namespace": alarm.namespace,
            "metric_name": alarm.metric,
            "dimensions": dimensions,
            "statistic": None if percentile else alarm.statistic,
            "extended_statistic": alarm.statistic if percentile else None,
            "evaluate_low_sample_count_percentile": alarm.few_samples if percentile else None,
            "period": alarm.period,
        }
    each = [
        {
            "id": f"m{number}",
            "metricStat": {
                "metric": {"namespace": alarm.namespace, "metricName": name, "dimensions": dimensions},
                "period": alarm.period,
                "stat": alarm.statistic,
            },
            "returnData": False,
        }
        for number, name in enumerate(alarm.metric)
    ]
    return {"metrics": [*each, {"id": "greatest", "expression": GREATEST, "returnData": True}]}
