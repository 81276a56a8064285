"""Tends a job that waits for an execution: shows it what is new, and completes it when the execution ended.

What happened is asked of SageMaker and not believed of an event, so it does not matter how many events come,
in which order, or whether one comes at all: the registration of the job and the reconciler tend it as well.
"""

from __future__ import annotations

from bridge import execution, waiting, web
from bridge.azure import azure_devops
from bridge.execution import Execution
from bridge.trace import Trace
from bridge.waiting import Job


def tend(arn: str, trace: Trace, *, ended: bool = False) -> None:
    """Tend the job that waits for the execution, if one does.

    `ended` says that somebody saw it end: raises `web.Retryable` where SageMaker does not know it yet.
    """
    job = waiting.find(arn)
    if job is None:
        return
    found = execution.look(arn)
    if ended and not found.ended:
        raise web.Retryable(f"SageMaker says {found.status} of an execution that ended")
    _show(job, found, trace)
    if found.ended:
        _complete(job, found, trace)


def _show(job: Job, found: Execution, trace: Trace) -> None:
    """The statuses that are new, in the job's log: for who looks on, so none of them is worth a retry."""
    new = [step for step in found.steps if job.told.get(step.name) != step.status]
    if not new or not waiting.tell(job, {step.name: step.status for step in new}):
        return
    try:
        azure_devops().show(job, [step.line for step in new])
    except (web.Denied, web.Retryable) as error:
        trace.hop("not shown", run_id=job.build, reason=str(error))


def _complete(job: Job, found: Execution, trace: Trace) -> None:
    try:
        azure_devops().complete(job, found.result)
    except web.Denied:
        if not azure_devops().is_over(job):
            raise
        name, reason = "forgotten", "the job was over before its execution"
    else:
        name, reason = "completed", f"{found.status}: {found.result}"
    # Two that tended it at once have both told Azure DevOps, which heard the first; one of them says so.
    if waiting.forget(job):
        trace.hop(name, run_id=job.build, reason=reason)


def look_after(job: Job, trace: Trace) -> None:
    """As the reconciler does: forget a job that timed out or was cancelled, and tend any other."""
    if azure_devops().is_over(job):
        waiting.forget(job)
        trace.hop("forgotten", run_id=job.build, reason="the job is over")
    else:
        tend(job.execution, trace)
