"""Run one step of a job: its condition, its time, its retries, and what its end means for the job."""

from __future__ import annotations

import time

from isthmus.errors import Problem
from isthmus.local.pipelines import runtime
from isthmus.local.pipelines.expressions import Failed
from isthmus.local.pipelines.host import Issue, Record, Result
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import JobSpace, Running, StepFailed, StepStopped
from isthmus.local.pipelines.tasks import find
from isthmus.local.pipelines.values import to_count

MAX_RETRIES = 10


def run_step(step: Step, name: str, record: Record, job: JobSpace, status: Result) -> Result:
    """Run a step to its end and report it. `status` is the job's so far; gives the step's result."""
    timeline = job.timeline
    try:
        why_not = _why_not(step, job, status)
        if why_not:
            timeline.finish(record, "skipped", reason=why_not)
            return "skipped"
        if step.display_name:
            timeline.change(record, name=job.masker.mask(job.variables.expand(step.display_name)))
        timeline.start(record)
        result = _with_retries(step, name, record, job)
        if result == "failed" and _true(step.continue_on_error, job):
            result = "succeededWithIssues"
    except (Failed, Problem) as error:
        message = job.masker.mask(str(error))
        job.host.log(record.id, [f"##[error]{message}"])
        timeline.finish(record, "failed", [Issue("error", message)])
        return "failed"
    timeline.finish(record, result)
    return result


def _why_not(step: Step, job: JobSpace, status: Result) -> str:
    """Why the step does not run; empty where it does."""
    if not _true(step.enabled, job):
        return "it is not enabled"
    situation = runtime.step_scope(status, job.variables.values(), cancelled=status == "canceled")
    condition = runtime.runtime_expression(step.condition) or step.condition
    try:
        return "" if runtime.holds(condition, situation) else runtime.unmet(condition)
    except Failed as error:
        raise Failed(f"the condition cannot be evaluated: {error}") from None


def _with_retries(step: Step, name: str, record: Record, job: JobSpace) -> Result:
    tries = 1 + min(_number(step.retries, job), MAX_RETRIES)
    result: Result = "failed"
    for attempt in range(1, tries + 1):
        running = Running(step, name, record, job, _deadline(step, job))
        result = _once(running)
        if result != "failed" or attempt == tries or job.cancelled():
            break
        running.log(f"##[warning]The task failed and is tried again ({attempt} of {tries - 1} retries)")
    return result


def _once(running: Running) -> Result:
    task = find(running.step.task)
    assert task is not None  # noqa: S101 - refuse_unsupported came before
    try:
        task.run(running)
    except StepStopped as error:
        running.add_issue("error", f"stopped: {error}")
        return "canceled" if running.job.cancelled() else "failed"
    except StepFailed as error:
        _fail(running, str(error))
        return "failed"
    except Problem as error:
        _fail(running, str(error))
        return "failed"
    if running.completed is None:
        return "succeeded"
    result, message = running.completed
    if result == "failed":
        _fail(running, message or "the task reported that it failed")
    return result


def _fail(running: Running, message: str) -> None:
    first, *rest = message.splitlines() or [""]
    running.add_issue("error", first)
    running.log(*rest)


def _deadline(step: Step, job: JobSpace) -> float | None:
    minutes = _number(step.timeout_minutes, job)
    return time.monotonic() + minutes * 60 if minutes else None


def _true(text: str, job: JobSpace) -> bool:
    return job.variables.expand(text).strip().lower() == "true"


def _number(text: str, job: JobSpace) -> int:
    expanded = job.variables.expand(text).strip()
    return to_count(expanded) or 0
