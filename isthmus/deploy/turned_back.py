"""Why an endpoint does not run what was asked for: which alarm, its reason, and what serves instead.

SageMaker says it in the endpoint's FailureReason, which it may empty again, CloudFormation in the first
resource that failed, and CloudWatch in the alarms' history, which outlives the alarms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from isthmus import names
from isthmus.config import Stage
from isthmus.deploy.package import Package
from isthmus.errors import NotFound, Problem
from isthmus.serving import Serving, look


class TurnedBack(Problem):
    """The rollout of a version was turned back; `reason` is why, in a sentence."""

    def __init__(self, reason: str, what: str, *, where: str, todo: str) -> None:
        super().__init__(what, where=where, todo=todo)
        self.reason = reason


def explain(
    session: Any, package: Package, stage: Stage, alarms: Sequence[str], since: datetime, cause: Problem
) -> TurnedBack:
    """What a person should read; `cause` is what the deployment itself had to say."""
    serving = _serving(session.client("sagemaker"), package.model, stage)
    went_off = list(_went_off(session.client("cloudwatch"), alarms, since))
    failure = serving.failure if serving else ""
    reason = "; ".join(went_off) or failure or cause.what
    return TurnedBack(
        reason,
        f"{package.model} version {package.version} does not serve {stage}: {reason}\n"
        f"  now:   {_now(package, serving)}",
        where=serving.arn if serving else cause.where,
        todo=f"read the log group {_log(package, serving)} in the account of {stage}; "
        "run this again to try the same version once more",
    )


def _serving(sagemaker: Any, model: str, stage: Stage) -> Serving | None:
    try:
        return look(sagemaker, model, stage)
    except NotFound:
        return None


def _log(package: Package, serving: Serving | None) -> str:
    if serving is not None and serving.kind == "batch":
        return names.job_log("TransformJobs")
    return names.serving_log(package.model, serving.kind if serving else "realtime")


def _now(package: Package, serving: Serving | None) -> str:
    if serving is None or not serving.model_package_arn:
        return "nothing serves, for no version has been deployed there before"
    same = " (the same version, by an earlier configuration)" * (serving.model_package_arn == package.arn)
    return f"version {serving.version}{same} serves; the endpoint is {serving.status}"


def _went_off(cloudwatch: Any, alarms: Sequence[str], since: datetime) -> Iterator[str]:
    """A sentence for each alarm that went off since then."""
    for name in alarms:
        found = cloudwatch.describe_alarm_history(
            AlarmName=name, HistoryItemType="StateUpdate", StartDate=since, ScanBy="TimestampAscending"
        )
        for item in found["AlarmHistoryItems"]:
            state = json.loads(item["HistoryData"]).get("newState", {})
            if state.get("stateValue") == "ALARM":
                yield f"alarm {name} went off: {state.get('stateReason', 'no reason was given')}"
                break
