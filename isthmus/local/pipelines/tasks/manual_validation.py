"""ManualValidation: a job without an agent that waits until somebody says that the run may go on."""

from __future__ import annotations

import time

from isthmus.local.pipelines.running_step import Running, StepFailed, StepStopped
from isthmus.local.pipelines.tasks.task import Task


def _validate(step: Running) -> None:
    """Asks the host; `onTimeout: resume` lets the run go on when nobody answered in time."""
    instructions = step.input("instructions")
    if instructions:
        step.log(*instructions.splitlines())
    decision = step.job.host.validate(step.record, instructions, step.deadline)
    if decision.allowed:
        return
    if step.job.cancelled():
        raise StepStopped("the run was cancelled")
    late = step.deadline is not None and time.monotonic() >= step.deadline
    if late and step.input("onTimeout", "reject").lower() == "resume":
        step.log("Nobody answered in time: the run goes on, as onTimeout says")
        return
    raise StepFailed(decision.message or "not validated")


MANUAL_VALIDATION = Task(
    _validate,
    ("notifyUsers", "approvers", "allowApproversToApproveTheirOwnRuns", "instructions", "onTimeout"),
    agentless=True,
)
