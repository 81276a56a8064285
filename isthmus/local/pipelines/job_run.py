"""Run one job of a stage: its condition and variables, its instances or hooks, its outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import yaml

from isthmus.errors import Problem
from isthmus.local.pipelines import runtime
from isthmus.local.pipelines.agent import Agent, Assignment, Done, step_records, with_implicit_steps
from isthmus.local.pipelines.expressions import Failed
from isthmus.local.pipelines.graph import total
from isthmus.local.pipelines.host import Issue, Record, Result, VariableValue
from isthmus.local.pipelines.lifecycle import Turn, turns
from isthmus.local.pipelines.plan import Job, Stage, Step
from isthmus.local.pipelines.runtime import Outcome, Situation
from isthmus.local.pipelines.shared import Run, lowered, resolve
from isthmus.local.pipelines.store import expand_macros
from isthmus.local.pipelines.values import to_count

MAX_PARALLEL = 99
DEFAULT_INSTANCE = "__default"


@dataclass(frozen=True)
class Instance:
    """One job on one agent: a member of a matrix, a hook of a deployment, or all that there is."""

    name: str
    record: Record
    steps: tuple[Step, ...]
    variables: Mapping[str, str]
    prefixes: tuple[str, ...] = ()
    """Of the names of a deployment's output variables."""


class JobRun:
    """A job of a run. Making it puts its records on the timeline, pending."""

    def __init__(self, run: Run, stage: Stage, parent: Record, job: Job, order: int) -> None:
        self._run = run
        self._stage = stage
        self._job = job
        self._environment = expand_macros(job.environment, lowered(run.values))
        shown = expand_macros(job.display_name or job.name, lowered(run.values))
        self.record = run.timeline.add(
            "Phase",
            parent,
            job.name,
            shown,
            order=order,
            attempt=run.earlier.attempt(stage.name, job.name),
            environment=self._environment or None,
        )
        self._stand = run.earlier.legs(stage.name, job.name)
        self._parallel = to_count(job.strategy.parallel) if job.strategy else None
        self._instances = [] if self._waits_for_matrix() else self._make({})

    def run(
        self, ended: Mapping[str, Outcome], before: Sequence[Outcome], stages: Mapping[str, Outcome]
    ) -> Outcome:
        """Run to the end; `before` is all above the job in its stage, `stages` what the stage depends on."""
        timeline = self._run.timeline
        try:
            values, situation = self._prepare(ended, before, stages)
            condition = runtime.runtime_expression(self._job.condition) or self._job.condition
            if not runtime.holds(condition, situation):
                result: Result = "canceled" if situation.cancelled else "skipped"
                reason = "" if situation.cancelled else runtime.unmet(condition)
                timeline.finish(self.record, result, reason=reason)
                return Outcome(result)
            instances = self._instances or self._make(self._unfold(situation))
        except (Failed, Problem) as error:
            timeline.finish(self.record, "failed", [Issue("error", self._run.masker.mask(str(error)))])
            return Outcome("failed")
        timeline.start(self.record)
        self._deployed()
        result, outputs = self._run_instances(instances, values, situation)
        if result == "failed" and self._text(self._job.continue_on_error, situation).lower() == "true":
            result = "succeededWithIssues"
        mask = self._run.masker.mask
        told = {name: VariableValue(text, secret=mask(text) != text) for name, text in outputs.items()}
        timeline.finish(self.record, result, outputs=told)
        self._deployed()
        return Outcome(result, outputs)

    # ---- before anything runs

    def _prepare(
        self, ended: Mapping[str, Outcome], before: Sequence[Outcome], stages: Mapping[str, Outcome]
    ) -> tuple[dict[str, VariableValue], Situation]:
        run, job = self._run, self._job
        situation = run.situation(
            ancestors=before,
            named=ended,
            dependencies={name: runtime.as_dependency(ended[name]) for name in job.depends_on},
            stage_dependencies={name: runtime.as_stage_dependency(one) for name, one in stages.items()},
        )
        values = dict(run.values)
        resolve([*run.deferred, *self._stage.variables, *job.variables], values, situation)
        seen = {name: one.value for name, one in values.items()}
        return values, Situation(**{**situation.__dict__, "variables": seen})

    def _waits_for_matrix(self) -> bool:
        strategy = self._job.strategy
        return (
            strategy is not None
            and not self._job.is_deployment
            and (isinstance(strategy.matrix, str) or strategy.parallel.startswith("$"))
        )

    def _unfold(self, situation: Situation) -> dict[str, dict[str, str]]:
        """The instances of a matrix that an expression gives as JSON; or how many there are in parallel."""
        strategy = self._job.strategy
        assert strategy is not None  # noqa: S101 - only a strategy is waited for
        if not isinstance(strategy.matrix, str):
            text = self._text(strategy.parallel, situation)
            self._parallel = to_count(text)
            if not 0 < (self._parallel or 0) <= MAX_PARALLEL:
                raise Failed(f"`parallel` is a number of jobs up to {MAX_PARALLEL}, not {text!r}")
            return {}
        text = self._text(strategy.matrix, situation)
        try:
            found = _loose_json(text)
            return {name: {key: str(value) for key, value in one.items()} for name, one in found.items()}
        except (yaml.YAMLError, AttributeError):
            raise Failed(f"the matrix is not a JSON object of objects: {text!r}") from None

    def _make(self, matrix: Mapping[str, Mapping[str, str]]) -> list[Instance]:
        job, timeline = self._job, self._run.timeline
        if job.is_deployment:
            return [self._turn(turn, order) for order, turn in enumerate(turns(job), 1)]
        steps = with_implicit_steps(
            job.steps, deploys=False, is_deployment=False, is_agentless=job.is_agentless
        )
        found = []
        for order, (name, variables) in enumerate(self._named(matrix).items(), 1):
            if name in self._stand:
                continue
            shown = self.record.name if name == DEFAULT_INSTANCE else f"{self.record.name} {name}"
            record = timeline.add("Job", self.record, name, shown, order=order)
            step_records(timeline, record, steps)
            found.append(Instance(name, record, steps, variables))
        return found

    def _named(self, matrix: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
        """Instances by name, with the variables of each."""
        strategy = self._job.strategy
        if strategy and not matrix and not isinstance(strategy.matrix, str):
            matrix = strategy.matrix
        if matrix:
            return matrix
        count = self._parallel or 0
        position = "System.JobPositionInPhase"
        spread = {f"job{number}": {position: str(number)} for number in range(1, count + 1)}
        return spread or {DEFAULT_INSTANCE: {position: "1"}}

    def _turn(self, turn: Turn, order: int) -> Instance:
        hook = turn.hook
        steps = with_implicit_steps(hook.steps, deploys=hook.name == "deploy", is_deployment=True)
        shown = self.record.name if len(self._job.hooks) == 1 else f"{self.record.name}: {turn.name}"
        record = self._run.timeline.add("Job", self.record, turn.name, shown, order=order)
        step_records(self._run.timeline, record, steps)
        return Instance(turn.name, record, steps, turn.variables, turn.prefixes)

    # ---- running

    def _run_instances(
        self, instances: list[Instance], values: dict[str, VariableValue], situation: Situation
    ) -> tuple[Result, dict[str, str]]:
        if self._job.is_deployment:
            return self._run_hooks(instances, values, situation)
        limit = self._text(self._job.strategy.max_parallel, situation) if self._job.strategy else ""
        workers = to_count(limit) or len(instances)
        if len(instances) == 1:
            ended = [self._one(instances[0], values, situation)]
        else:
            with ThreadPoolExecutor(workers) as pool:
                ended = list(pool.map(lambda one: self._one(one, values, situation), instances))
        told = {one.name: done.outputs for one, done in zip(instances, ended, strict=True)}
        told |= {name: one.outputs for name, one in self._stand.items()}
        outputs = {
            (key if name == DEFAULT_INSTANCE else f"{name}.{key}"): text
            for name, given in told.items()
            for key, text in given.items()
        }
        return total([*(Outcome(done.result) for done in ended), *self._stand.values()]), outputs

    def _run_hooks(
        self, instances: list[Instance], values: dict[str, VariableValue], situation: Situation
    ) -> tuple[Result, dict[str, str]]:
        """One turn after the other, then `on: success` or `on: failure`."""
        results: list[Outcome] = []
        outputs: dict[str, str] = {}
        for one in instances:
            good = total(results) in ("succeeded", "succeededWithIssues")
            if good != (one.name != "failure") or self._run.cancelled.is_set():
                self._run.timeline.finish(one.record, "skipped")
                continue
            done = self._one(one, values, situation)
            results.append(Outcome(done.result))
            for prefix in one.prefixes:
                outputs |= {f"{prefix}.{key}": text for key, text in done.outputs.items()}
        return total(results, cancelled=self._run.cancelled.is_set()), outputs

    def _one(self, instance: Instance, values: dict[str, VariableValue], situation: Situation) -> Done:
        run, job = self._run, self._job
        variables = {**values, **{name: VariableValue(text) for name, text in self._own(instance).items()}}
        assignment = Assignment(
            record=instance.record,
            steps=instance.steps,
            variables=variables | {name: VariableValue(text) for name, text in instance.variables.items()},
            repositories=run.plan.repositories,
            folder=run.work / instance.record.id[:8],
            rename=run.rename,
            timeout_minutes=_minutes(self._text(job.timeout_minutes, situation), 60),
            cancel_minutes=_minutes(self._text(job.cancel_timeout_minutes, situation), 5),
            # What was cancelled before, and is admitted all the same, runs to its end.
            cancelled=(lambda: False) if situation.cancelled else run.cancelled.is_set,
            is_deployment=job.is_deployment,
            is_agentless=job.is_agentless,
        )
        with run.host.agentless() if job.is_agentless else run.agents:
            return Agent(run.host, run.timeline, run.masker).run(assignment)

    def _own(self, instance: Instance) -> dict[str, str]:
        stage, job = self._stage, self._job
        found = {
            "System.StageName": stage.name,
            "System.StageDisplayName": stage.display_name or stage.name,
            "System.StageAttempt": str(self._run.earlier.attempt(stage.name)),
            "System.PhaseName": job.name,
            "System.PhaseDisplayName": self.record.name,
            "System.PhaseAttempt": str(self.record.attempt),
            "System.JobName": instance.name,
            "System.JobDisplayName": instance.record.name,
            "System.JobAttempt": str(instance.record.attempt),
            "System.JobIdentifier": instance.record.identifier,
            "System.TotalJobsInPhase": "1" if job.is_deployment else str(len(self._named({}))),
        }
        if self._environment:
            found["Environment.Name"] = self._environment
        if job.resource:
            found["Environment.ResourceName"] = job.resource
        return found

    def _text(self, text: str, situation: Situation) -> str:
        inside = runtime.runtime_expression(text)
        if inside is not None:
            return runtime.evaluate(inside, situation)
        return expand_macros(text, {name.lower(): value for name, value in situation.variables.items()})

    def _deployed(self) -> None:
        if self._environment:
            self._run.host.deployed(self._environment, self._run.timeline.now(self.record))


def _loose_json(text: str) -> Any:
    """JSON as the service reads it: single quotes count as well."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text, lists and mappings only


def _minutes(text: str, default: float) -> float:
    try:
        return float(text)
    except ValueError:
        return default
