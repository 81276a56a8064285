"""What SageMaker Model Monitor found, where deploy.yaml has it watch: its schedule, and its files.

They are in the formats that Isthmus' own monitor writes, in a folder for each execution below the version's.
Documents: DescribeMonitoringSchedule; "Schema for Violations" in SageMaker's developer guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.counting import counted
from isthmus.errors import NotFound, Problem, Refused
from isthmus.monitor.findings import Violation
from isthmus.monitor.reported import newest

if TYPE_CHECKING:
    import boto3

Schedule = Mapping[str, Any]
STATISTICS, VIOLATIONS = "statistics.json", "constraint_violations.json"


def schedule(session: boto3.Session, model: str) -> Schedule | None:
    """Model Monitor's schedule of the model; None where Isthmus' own monitor watches it."""
    sagemaker = session.client("sagemaker")
    try:
        found: Schedule = sagemaker.describe_monitoring_schedule(
            MonitoringScheduleName=names.monitor_pipeline(model)
        )
    except sagemaker.exceptions.ResourceNotFound:
        return None
    return found


def refuse_run(session: boto3.Session, model: str) -> None:
    """Raise `Refused` where Model Monitor watches: its schedules cannot be started between times."""
    if found := schedule(session, model):
        expression = found["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"]
        raise Refused(
            f"{model} is watched by SageMaker Model Monitor, which looks by its schedule alone: {expression}",
            where="deploy.yaml, monitoring.engine: model-monitor",
            todo=f"isthmus monitor report {model} says what it found last",
        )


def no_page(model: str) -> Problem:
    return Refused(
        f"{model} is watched by SageMaker Model Monitor, which writes no page",
        where="deploy.yaml, monitoring.engine: model-monitor",
        todo=f"isthmus monitor report {model}, without --html",
    )


def summary(session: boto3.Session, platform: Platform, model: str, stage: Stage, watched: Schedule) -> str:
    """The schedule's last execution, and what the last that left files has found.

    Raises `NotFound` where there was no execution yet.
    """
    last = watched.get("LastMonitoringExecutionSummary")
    if last is None:
        raise NotFound(
            f"no report about {model} in {stage} yet",
            where=watched["MonitoringScheduleArn"],
            todo=f"Model Monitor looks by its schedule, which is {watched['MonitoringScheduleStatus']}",
        )
    reason = f": {last['FailureReason']}" if last.get("FailureReason") else ""
    ended = f"{last['ScheduledTime']:%Y-%m-%d %H:%M}: {last['MonitoringExecutionStatus']}{reason}"
    return "\n".join([f"Model Monitor, {ended}", *_found(session, platform, model, stage)])


def _found(session: boto3.Session, platform: Platform, model: str, stage: Stage) -> list[str]:
    # Every execution leaves statistics, and one without violations may leave no list of them.
    report = newest(session, platform, model, stage, STATISTICS)
    if report is None:
        return ["no execution has left files yet"]
    rows = json.loads(report.read(STATISTICS))["dataset"]["item_count"]
    listed = VIOLATIONS in report.files
    broken: list[Violation] = json.loads(report.read(VIOLATIONS))["violations"] if listed else []
    seen = f"version {report.version}: {counted(rows, 'row')} captured, {counted(len(broken), 'violation')}"
    lines = [*([report.overtaken] if report.overtaken else []), seen]
    for one in broken:
        lines.append(f"  {one['feature_name']}  {one['constraint_check_type']}: {one['description']}")
    return lines
