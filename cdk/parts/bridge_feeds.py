"""Which events the bridge's queue is fed with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from isthmus import names
from isthmus.config import Platform


@dataclass(frozen=True)
class Feed:
    """Events of one source and account; of the automation account's own bus, or of AWS's default one."""

    id: str
    what: str
    source: str
    kinds: tuple[str, ...]
    account: str
    detail: dict[str, Any] = field(default_factory=dict)
    own_bus: bool = False

    @property
    def pattern(self) -> dict[str, Any]:
        """As EventBridge matches events."""
        pattern = {"source": [self.source], "detail-type": list(self.kinds), "account": [self.account]}
        return pattern | ({"detail": self.detail} if self.detail else {})


def feeds(platform: Platform) -> list[Feed]:
    """All that the platform needs, in the order in which the stack has them."""
    automation = platform.accounts.automation
    own = partial(_own, automation)
    waiting = "Jobs in Azure DevOps that begin to wait for an execution"
    found = [
        _decisions(automation),
        _alarms(platform),
        _executions(automation),
        own("Jobs", waiting, names.CALLBACK_SOURCE, names.JOB_WAITING),
    ]
    if platform.lands:
        what = "Data sets that have landed and are complete"
        found.append(own("Landings", what, names.LANDING_SOURCE, names.DATA_SET_COMPLETE))
    if any(model.retraining.schedule for model in platform.models):
        what = "Models that are to be trained anew by the clock"
        found.append(own("Schedules", what, names.SCHEDULE_SOURCE, names.RETRAINING_DUE))
    return found


def _own(automation: str, id_: str, what: str, source: str, kind: str) -> Feed:
    """What our own functions and rules tell on the bus."""
    return Feed(id_, what, source, (kind,), automation, own_bus=True)


def _decisions(automation: str) -> Feed:
    return Feed(
        "Approvals",
        "Decisions about model versions",
        "aws.sagemaker",
        ("SageMaker Model Package State Change",),
        automation,
        {
            "ModelPackageGroupName": [{"exists": True}],
            "ModelApprovalStatus": ["Approved", "PendingManualApproval", "Rejected"],
        },
    )


def _alarms(platform: Platform) -> Feed:
    carried = (
        names.drift_alarm,
        names.quality_alarm,
        names.challenger_errors_alarm,
        names.challenger_latency_alarm,
    )
    alarms = [name(platform, "*") for name in carried]
    return Feed(
        "Alarms",
        "Drift, loss of quality and what a compared version does in prod; no other account has business here",
        "aws.cloudwatch",
        ("CloudWatch Alarm State Change",),
        platform.accounts.prod,
        {"alarmName": [{"wildcard": alarm} for alarm in alarms], "state": {"value": ["ALARM"]}},
        own_bus=True,
    )


def _executions(automation: str) -> Feed:
    return Feed(
        "Executions",
        "Executions of SageMaker pipelines, which jobs in Azure DevOps wait for",
        "aws.sagemaker",
        (
            "SageMaker Model Building Pipeline Execution Status Change",
            "SageMaker Model Building Pipeline Execution Step Status Change",
        ),
        automation,
    )
