"""Run one stage: its condition, the checks of what it uses, its jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from isthmus.errors import Problem
from isthmus.local.pipelines import runtime, tasks
from isthmus.local.pipelines.expressions import Failed
from isthmus.local.pipelines.graph import ancestors, in_order, total
from isthmus.local.pipelines.host import (
    Checkpoint,
    Issue,
    Result,
)
from isthmus.local.pipelines.job_run import JobRun
from isthmus.local.pipelines.plan import Group, Stage, Variable
from isthmus.local.pipelines.runtime import Outcome
from isthmus.local.pipelines.shared import Run, lowered, resolve
from isthmus.local.pipelines.store import expand_macros


class StageRun:
    """A stage of a run. Making it puts its records on the timeline, pending."""

    def __init__(self, run: Run, stage: Stage, order: int, skipped: bool) -> None:
        self._run = run
        self._stage = stage
        self._skipped = skipped
        name = expand_macros(stage.display_name or stage.name, lowered(run.values))
        attempt = run.earlier.attempt(stage.name)
        self.record = run.timeline.add("Stage", None, stage.name, name, order=order, attempt=attempt)
        self._jobs = {
            job.name: JobRun(run, stage, self.record, job, order)
            for order, job in enumerate(stage.jobs, 1)
            if not run.earlier.outcome(stage.name, job.name)
        }

    def run(self, done: Mapping[str, Outcome]) -> Outcome:
        """Run to the end. Not allowed by its checks, or a broken condition, is a failure of the stage."""
        timeline = self._run.timeline
        try:
            result = None if self._skipped else self._refusal(done)
            if self._skipped or result:
                condition = runtime.runtime_expression(self._stage.condition) or self._stage.condition
                reason = "it was not asked for" if self._skipped else runtime.unmet(condition)
                ended: Result = result or "skipped"
                timeline.finish(self.record, ended, reason=reason if ended == "skipped" else "")
                return Outcome(result or "skipped", jobs=self._not_run(result or "skipped"))
            timeline.start(self.record)
            outcome = self._admitted(done)
        except (Problem, Failed) as error:
            timeline.finish(self.record, "failed", [Issue("error", self._run.masker.mask(str(error)))])
            return Outcome("failed", jobs=self._not_run("skipped"))
        timeline.finish(self.record, outcome.result)
        return outcome

    def _refusal(self, done: Mapping[str, Outcome]) -> Result | None:
        """The result of a stage whose condition does not admit it."""
        stage, plan = self._stage, self._run.plan
        depends = {one.name: one.depends_on for one in plan.stages}
        values = dict(self._run.values)
        literal = [
            one
            for one in stage.variables
            if isinstance(one, Group) or "dependencies" not in one.value.lower()
        ]
        resolve(literal, values, self._run.situation())
        direct = {name: done[name] for name in stage.depends_on}
        situation = self._run.situation(
            variables={name: one.value for name, one in values.items()},
            ancestors=[done[name] for name in ancestors(stage.name, depends)],
            named=done,
            dependencies={name: runtime.as_dependency(one) for name, one in direct.items()},
            stage_dependencies={name: runtime.as_stage_dependency(one) for name, one in direct.items()},
        )
        condition = runtime.runtime_expression(stage.condition) or stage.condition
        if runtime.holds(condition, situation):
            return None
        return "canceled" if situation.cancelled else "skipped"

    def _admitted(self, done: Mapping[str, Outcome]) -> Outcome:
        host, checkpoint = self._run.host, self._checkpoint()
        decision = host.checkpoint(checkpoint)
        try:
            if not decision.allowed:
                issue = Issue("error", decision.message or "a check did not let the stage pass")
                self._run.timeline.issue(self.record, issue)
                return Outcome("canceled" if decision.canceled else "failed", jobs=self._not_run("skipped"))
            return self._run_jobs(done)
        finally:
            host.release(checkpoint)

    def _run_jobs(self, done: Mapping[str, Outcome]) -> Outcome:
        above = {name: done[name] for name in self._stage.depends_on}
        depends = {job.name: job.depends_on for job in self._stage.jobs}
        jobs = in_order(
            depends,
            lambda name, ended: (
                self._run.earlier.outcome(self._stage.name, name)
                or self._jobs[name].run(ended, [ended[one] for one in ancestors(name, depends)], above)
            ),
        )
        return runtime.of_stage(total(list(jobs.values())), jobs)

    def _checkpoint(self) -> Checkpoint:
        stage, plan = self._stage, self._run.plan
        values = dict(self._run.values)
        resolve([one for one in stage.variables if isinstance(one, Variable)], values, self._run.situation())
        known = lowered(values)
        groups = [*plan.variables, *stage.variables, *(one for job in stage.jobs for one in job.variables)]
        steps = [step for job in stage.jobs for step in job.all_steps()]
        return Checkpoint(
            stage=stage.name,
            stage_record_id=self.record.id,
            attempt=self.record.attempt,
            environments=_unique(expand_macros(job.environment, known) for job in stage.jobs),
            connections=_unique(
                expand_macros(name, known) for step in steps for name in tasks.connections(step)
            ),
            variable_groups=_unique(one.name for one in groups if isinstance(one, Group)),
            repositories=_unique(
                step.inputs["repository"]
                for step in steps
                if step.task == "checkout" and step.inputs["repository"] != "none"
            ),
            lock_behavior=stage.lock_behavior,
            extends=plan.extends,
        )

    def _not_run(self, result: Result) -> dict[str, Outcome]:
        stage, earlier = self._stage, self._run.earlier
        return {job.name: earlier.outcome(stage.name, job.name) or Outcome(result) for job in stage.jobs}


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
