"""How an endpoint's update moves traffic: the stages of a DeploymentConfig, as plain numbers."""

from __future__ import annotations

from typing import NamedTuple

from isthmus.executor.record import Record


class StageOf(NamedTuple):
    """`share` of the requests goes to the new fleet for `seconds`, while alarms are watched."""

    share: float
    seconds: float


def stages(config: Record | None, instances: int) -> list[StageOf]:
    """The stages of an update, the last with all of the traffic. Without a policy there is only that one."""
    policy = (config or {}).get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {})
    wait = float(routing.get("WaitIntervalInSeconds", 0))
    last = StageOf(1.0, wait)
    if routing.get("Type") == "CANARY":
        return [StageOf(_share(routing["CanarySize"], instances), wait), last]
    if routing.get("Type") == "LINEAR":
        step = _share(routing["LinearStepSize"], instances)
        shares = [step * at for at in range(1, int(1 / step) + 1) if step * at < 1]
        return [*(StageOf(share, wait) for share in shares), last]
    return [last]


def alarms(config: Record | None) -> list[str]:
    listed = (config or {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return [alarm["AlarmName"] for alarm in listed]


def _share(size: Record, instances: int) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        return min(float(size["Value"]) / 100, 1.0)
    return min(float(size["Value"]) / max(instances, 1), 1.0)
