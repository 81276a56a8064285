"""Run one job: its folders, its implicit steps, its steps in order, and its result."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from isthmus.errors import Problem
from isthmus.local.pipelines.host import Host, Issue, Located, Record, Result, VariableValue
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import JobSpace
from isthmus.local.pipelines.runtime import SPOKEN
from isthmus.local.pipelines.secrets import Masker
from isthmus.local.pipelines.step_run import run_step
from isthmus.local.pipelines.store import VariableStore
from isthmus.local.pipelines.timeline import Timeline
from isthmus.local.pipelines.workspace import Workspace, checkouts

_OS = {"Linux": "Linux", "Darwin": "Darwin", "Windows": "Windows_NT"}
_ARCHITECTURE = {"x86_64": "X64", "amd64": "X64", "arm64": "ARM64", "aarch64": "ARM64"}


@dataclass(frozen=True)
class Assignment:
    """What an agent is given: the steps of one job instance, and all that they need to know."""

    record: Record
    steps: tuple[Step, ...]
    variables: Mapping[str, VariableValue]
    repositories: Mapping[str, Located]
    folder: Path
    rename: Callable[[str], None]
    """Gives the run a number."""
    timeout_minutes: float
    cancel_minutes: float
    cancelled: Callable[[], bool]
    is_deployment: bool = False
    is_agentless: bool = False


@dataclass(frozen=True)
class Done:
    result: Result
    outputs: Mapping[str, str]
    """By `step.variable`."""


class Agent:
    """One job's agent."""

    def __init__(self, host: Host, timeline: Timeline, masker: Masker) -> None:
        self._host = host
        self._timeline = timeline
        self._masker = masker

    def run(self, assignment: Assignment) -> Done:
        """Run the steps; whatever happens, the job's record is finished and its folder is removed."""
        self._timeline.start(assignment.record)
        try:
            job = self._space(assignment)
            with job.background:
                result = self._steps(assignment, job)
        except Problem as problem:
            issue = Issue("error", self._masker.mask(str(problem)))
            self._timeline.finish(assignment.record, "failed", [issue])
            return Done("failed", {})
        finally:
            shutil.rmtree(assignment.folder, ignore_errors=True)
        self._timeline.finish(assignment.record, result)
        return Done(result, job.outputs)

    def _space(self, assignment: Assignment) -> JobSpace:
        workspace = Workspace(assignment.folder)
        variables = VariableStore(self._masker)
        variables.add(assignment.variables)
        variables.set("System.JobId", assignment.record.id)
        if not assignment.is_agentless:
            workspace.make()
            variables.update(workspace.variables() | _machine(assignment))
        token = self._host.access_token(assignment.record.id)
        variables.set("System.AccessToken", token, secret=True, readonly=True)
        variables.settle()
        minutes = assignment.timeout_minutes
        return JobSpace(
            host=self._host,
            timeline=self._timeline,
            masker=self._masker,
            variables=variables,
            workspace=workspace,
            record=assignment.record,
            repositories=assignment.repositories,
            rename=assignment.rename,
            alone=len(checkouts(assignment.steps)) <= 1,
            deadline=time.monotonic() + minutes * 60 if minutes else None,
            cancelled=assignment.cancelled,
        )

    def _steps(self, assignment: Assignment, job: JobSpace) -> Result:
        records = step_records(self._timeline, assignment.record, assignment.steps)
        status: Result = "succeeded"
        for (step, name), record in zip(named(assignment.steps), records, strict=True):
            status = self._interrupted(assignment, job, status)
            job.variables.set("Agent.JobStatus", SPOKEN[status])
            status = worse(status, run_step(step, name, record, job, status))
        return self._interrupted(assignment, job, status)

    def _interrupted(self, assignment: Assignment, job: JobSpace, status: Result) -> Result:
        """Note once that the run was cancelled or the job's time is up.

        From then on steps run only if their condition admits a cancelled job, and within a time of their own.
        """
        if job.interrupted:
            return "canceled"
        late = job.deadline is not None and time.monotonic() > job.deadline
        if not late and not job.cancelled():
            return status
        if late:
            minutes = f"{assignment.timeout_minutes:g}"
            issue = Issue("error", f"the job ran longer than the maximum time of {minutes} minutes")
            self._timeline.issue(assignment.record, issue)
        job.deadline = time.monotonic() + assignment.cancel_minutes * 60
        job.cancelled = lambda: False
        job.interrupted = True
        return "canceled"


def worse(status: Result, step: Result) -> Result:
    """The job's status after a step."""
    order: tuple[Result, ...] = ("succeeded", "succeededWithIssues", "failed", "canceled")
    if step == "skipped":
        return status
    return max(status, step, key=order.index)


def with_implicit_steps(
    steps: Sequence[Step], *, deploys: bool, is_deployment: bool, is_agentless: bool = False
) -> tuple[Step, ...]:
    """A job checks out `self` and a deployment's `deploy` downloads artifacts, unless they say otherwise.

    A job without an agent has nowhere to put them.
    """
    if not steps or is_agentless:
        return tuple(steps)
    at = steps[0].at
    if is_deployment:
        if not deploys or any(step.task == "download" for step in steps):
            return _effective(steps)
        implicit = Step("download", {"source": "current"}, at, display_name="Download artifacts")
    elif any(step.task == "checkout" for step in steps):
        return _effective(steps)
    else:
        implicit = Step("checkout", {"repository": "self"}, at, display_name="Checkout self")
    return (implicit, *_effective(steps))


def _effective(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Without `checkout: none` and `download: none`, which only switch the implicit step off."""
    sources = ("repository", "source")
    return tuple(
        step
        for step in steps
        if not (step.task in ("checkout", "download") and "none" in (step.inputs.get(key) for key in sources))
    )


def named(steps: Sequence[Step]) -> list[tuple[Step, str]]:
    """Each step with the name that its output variables have; those without one are called by their task."""
    counts: dict[str, int] = {}
    found = []
    for step in steps:
        name = step.name or step.task.partition("@")[0]
        count = counts.get(name, 0)
        counts[name] = count + 1
        found.append((step, name if step.name or not count else f"{name}{count}"))
    return found


def step_records(timeline: Timeline, job: Record, steps: Sequence[Step]) -> list[Record]:
    """The records of a job's steps; the same each time."""
    return [
        timeline.add("Task", job, name, step.display_name or step.task, order=order, task=step.task)
        for order, (step, name) in enumerate(named(steps), 1)
    ]


def _machine(assignment: Assignment) -> dict[str, str]:
    system, machine = platform.system(), platform.machine()
    return {
        "Agent.Id": "1",
        "Agent.JobName": assignment.record.name,
        "Agent.JobStatus": "Succeeded",
        "Agent.MachineName": platform.node(),
        "Agent.Name": "isthmus",
        "Agent.OS": _OS.get(system, system),
        "Agent.OSArchitecture": _ARCHITECTURE.get(machine.lower(), machine.upper()),
        "Agent.Version": "4.0.0",
    }
