"""A stage's rollout as SageMaker takes it: the alarms on the new fleet, and the DeploymentConfig.

The alarms belong to one endpoint configuration (a component's to its model) and are named after it: so
the old fleet's errors turn nothing back, and what an earlier rollout raised is not in the way of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from isthmus import names
from isthmus.config import DeployConfig, Platform, Stage
from isthmus.config.rollout import RollbackAlarm, Rollout
from isthmus.deploy.alarms import Alarm, measured

MINUTE = 60
# What SageMaker may take beside the waiting: machines that start, twice.
STARTING_SECONDS = 3600
# A version that takes other rows than its callers send refuses nearly all; some are always at fault.
REFUSED = 0.5
_TYPES = {"all-at-once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
_SIZES = {"canary": "canarySize", "linear": "linearStepSize"}


def rollback_alarms(
    platform: Platform, config: DeployConfig, stage: Stage, endpoint_config: str
) -> list[Alarm]:
    """What turns the rollout of this configuration back; nothing where the stage asks for no rollout."""
    rollout: Rollout = getattr(config.rollout, stage)
    if rollout.is_plain:
        return []
    fleet = measured(config)
    if config.endpoint != "shared":
        # SageMaker tells the versions of a component not apart.
        fleet |= {"EndpointConfigName": endpoint_config}
    return [
        Alarm(
            f"Rollback{one.name.title().replace('-', '')}",
            names.rollback_alarm(platform, endpoint_config, one.name),
            f"{config.model} in {stage}: the version that is rolled out has {_said(one)}. SageMaker turns "
            f"its rollout back, and the run of {names.deploy_pipeline(config.model)} says so. "
            f"Read the log group {names.serving_log(config.model, config.endpoint)}.",
            one.namespace,
            one.metric,
            one.dimensions or fleet,
            one.statistic,
            one.above if one.above is not None else one.below or 0.0,
            period=MINUTE,
            periods=one.minutes,
            datapoints=one.minutes,
            comparison="GreaterThanThreshold" if one.above is not None else "LessThanThreshold",
            few_samples="evaluate",
        )
        for one in [*_always(config), *rollout.alarms]
    ]


def _always(config: DeployConfig) -> Iterator[RollbackAlarm]:
    """Errors and latency, with the bounds at which people are called, but at once; and most rows refused."""
    errors, latency = config.alarms.error_percent / 100, config.alarms.p95_latency_ms * 1000
    yield RollbackAlarm(name="errors", metric="Invocation5XXErrors", above=errors)
    yield RollbackAlarm(name="latency", metric="ModelLatency", statistic="p95", above=latency, minutes=2)
    yield RollbackAlarm(name="refusals", metric="Invocation4XXErrors", above=REFUSED, minutes=2)


def _said(alarm: RollbackAlarm) -> str:
    beyond = f"above {alarm.above:g}" if alarm.above is not None else f"below {alarm.below:g}"
    return f"{alarm.metric} ({alarm.statistic}) {beyond} for {alarm.minutes} min"


def deployment_config(rollout: Rollout, instances: int, alarms: list[str]) -> dict[str, Any] | None:
    """In the spelling of CDK; None where the stage asks for nothing."""
    if rollout.is_plain:
        return None
    routing: dict[str, Any] = {
        "type": _TYPES[rollout.strategy],
        "waitIntervalInSeconds": rollout.bake_minutes * MINUTE,
    }
    if size := _SIZES.get(rollout.strategy):
        kind, value = (
            ("CAPACITY_PERCENT", rollout.percent)
            if rollout.percent
            else ("INSTANCE_COUNT", rollout.instances)
        )
        routing[size] = {"type": kind, "value": value}
    found: dict[str, Any] = {
        "blueGreenUpdatePolicy": {
            "trafficRoutingConfiguration": routing,
            "terminationWaitInSeconds": rollout.termination_wait_minutes * MINUTE,
            "maximumExecutionTimeoutInSeconds": rollout.minutes(instances) * MINUTE + STARTING_SECONDS,
        }
    }
    if rollout.bake_minutes:
        found["autoRollbackConfiguration"] = {"alarms": [{"alarmName": name} for name in alarms]}
    return found


def rolling_config(rollout: Rollout, copies: int, alarms: list[str]) -> dict[str, Any] | None:
    """An inference component's, in the spelling of CDK; None where the stage asks for nothing."""
    if rollout.is_plain:
        return None
    return {
        "rollingUpdatePolicy": {
            "maximumBatchSize": {"type": "CAPACITY_PERCENT", "value": rollout.percent},
            "waitIntervalInSeconds": rollout.bake_minutes * MINUTE,
            "maximumExecutionTimeoutInSeconds": rollout.minutes(copies) * MINUTE + STARTING_SECONDS,
        },
        "autoRollbackConfiguration": {"alarms": [{"alarmName": name} for name in alarms]},
    }
