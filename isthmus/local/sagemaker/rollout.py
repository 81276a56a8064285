"""How an endpoint's update moves traffic: a DeploymentConfig as stages, and what SageMaker refuses in one.

AWS's wording of these refusals is not published; the rules are those of its API reference and of the page on
exclusions: where the variants' names change, all traffic moves at once and nothing is watched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid


@dataclass(frozen=True)
class Stage:
    """`share` of the requests goes to the new fleet for `seconds`, while alarms are watched."""

    share: float
    seconds: float


@dataclass(frozen=True)
class Rollout:
    """The stages of an update, the last with all of the traffic; and how long the old fleet outlives them."""

    stages: tuple[Stage, ...] = (Stage(1.0, 0.0),)
    alarms: tuple[str, ...] = ()
    termination_wait: float = 0.0


def read(config: Record | None, instances: int, *, same_variants: bool = True) -> Rollout:
    """What a DeploymentConfig asks for; raises a ValidationException where SageMaker would not do it."""
    if not config or not same_variants:
        return Rollout()
    policy: Record = config.get("BlueGreenUpdatePolicy", {})
    routing: Record = policy.get("TrafficRoutingConfiguration", {})
    listed = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    found = Rollout(
        tuple(_stages(routing, instances)),
        tuple(alarm["AlarmName"] for alarm in listed),
        float(policy.get("TerminationWaitInSeconds", 0)),
    )
    waits = sum(stage.seconds for stage in found.stages) + found.termination_wait
    if (limit := policy.get("MaximumExecutionTimeoutInSeconds")) is not None and limit <= waits:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds is {limit}: it must be larger than all waiting times, "
            f"which are {waits:.0f} seconds."
        )
    return found


def read_rolling(config: Record | None, copies: int) -> Rollout:
    """What an inference component's DeploymentConfig asks for: batches, which get requests one by one.

    API reference, InferenceComponentRollingUpdatePolicy. Raises a ValidationException as `read`.
    """
    if not config:
        return Rollout()
    policy: Record = config["RollingUpdatePolicy"]
    size, wait = policy["MaximumBatchSize"], float(policy["WaitIntervalInSeconds"])
    percent = size["Value"] if size["Type"] == "CAPACITY_PERCENT" else 100 * size["Value"] / copies
    if not 5 <= percent <= 50:
        raise invalid(
            f"MaximumBatchSize of {size['Value']} ({size['Type']}) must be between 5% and 50% of the copy "
            f"count, which is {copies}."
        )
    batch = math.ceil(percent / 100 * copies - 1e-9)
    stages = [Stage(min(1.0, batch * at / copies), wait) for at in range(1, math.ceil(copies / batch) + 1)]
    limit = policy.get("MaximumExecutionTimeoutInSeconds")
    if limit is not None and limit <= wait * len(stages):
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds is {limit}: it must be larger than all waiting times, "
            f"which are {wait * len(stages):.0f} seconds."
        )
    listed = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return Rollout(tuple(stages), tuple(alarm["AlarmName"] for alarm in listed))


def _stages(routing: Record, instances: int) -> Iterator[Stage]:
    wait = float(routing.get("WaitIntervalInSeconds", 0))
    if routing.get("Type") == "CANARY":
        yield Stage(_share(routing, "CanarySize", instances, least=0), wait)
    if routing.get("Type") == "LINEAR":
        step = _share(routing, "LinearStepSize", instances, least=0.1)
        for at in range(1, math.ceil(1 / step)):
            yield Stage(step * at, wait)
    yield Stage(1.0, wait)


def _share(routing: Record, member: str, instances: int, *, least: float) -> float:
    """The part of the new fleet that a step turns on: whole instances, and not more than half of them."""
    size = routing.get(member)
    if size is None:
        raise invalid(f"{member} must be given for traffic routing of type {routing['Type']}.")
    value = float(size["Value"])
    share = value / 100 if size["Type"] == "CAPACITY_PERCENT" else value / instances
    turned_on = math.ceil(share * instances - 1e-9) / instances
    if not least <= share <= 0.5 or turned_on > 0.5:
        between = "between 10% and 50%" if least else "at most 50%"
        raise invalid(
            f"{member} of {size['Value']} ({size['Type']}) must be {between} of the variant's instances, "
            f"which are {instances}."
        )
    return share
