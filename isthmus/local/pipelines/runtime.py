"""Expressions that wait for the run: conditions and `$[ ]`, and what each kind of place may name in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from isthmus.local.pipelines.expressions import Scope, evaluate_text
from isthmus.local.pipelines.functions import MANY, Function
from isthmus.local.pipelines.host import Result
from isthmus.local.pipelines.plan import DEFAULT_CONDITION
from isthmus.local.pipelines.values import Value, to_boolean, to_number, to_string

STATUS = ("succeeded", "failed", "always", "canceled", "succeededorfailed")
STEP_CONTEXTS = ("variables",)
JOB_CONTEXTS = ("variables", "dependencies", "stageDependencies", "pipeline", "resources")
SPOKEN: dict[Result, str] = {
    "succeeded": "Succeeded",
    "succeededWithIssues": "SucceededWithIssues",
    "failed": "Failed",
    "canceled": "Canceled",
    "skipped": "Skipped",
}
"""Results as expressions say them."""
GOOD = ("succeeded", "succeededWithIssues")
_RUNTIME = re.compile(r"\s*\$\[(.*)\]\s*", re.DOTALL)


@dataclass(frozen=True)
class Outcome:
    """How a job or a stage ended, and the output variables that it set."""

    result: Result
    outputs: Mapping[str, str] = field(default_factory=dict)
    jobs: Mapping[str, Outcome] = field(default_factory=dict)
    """Of a stage its jobs, of a job the legs of its matrix."""


@dataclass(frozen=True)
class Situation:
    """Where an expression is evaluated.

    `ancestors` are the outcomes of everything before in the graph; `named` those that may be named.
    """

    variables: Mapping[str, str]
    ancestors: Sequence[Outcome] = ()
    named: Mapping[str, Outcome] = field(default_factory=dict)
    dependencies: Mapping[str, Value] = field(default_factory=dict)
    stage_dependencies: Mapping[str, Value] = field(default_factory=dict)
    resources: Mapping[str, Value] = field(default_factory=dict)
    started: datetime | None = None
    cancelled: bool = False
    counter: Callable[[str, int], int] | None = None


def runtime_expression(text: str) -> str | None:
    """What stands inside of `$[ ]`, when that is all of the text."""
    match = _RUNTIME.fullmatch(text)
    return match.group(1) if match else None


def holds(condition: str, situation: Situation) -> bool:
    """Evaluate a condition; raises `expressions.Failed`."""
    return to_boolean(evaluate_text(condition, _scope(situation)))


def unmet(condition: str) -> str:
    """Why what has a condition that does not hold is skipped."""
    if condition == DEFAULT_CONDITION:
        return "not all before it succeeded"
    return f"its condition {' '.join(condition.split())} is false"


def evaluate(text: str, situation: Situation) -> str:
    """Evaluate the inside of `$[ ]`, to text; raises `expressions.Failed`."""
    return to_string(evaluate_text(text, _scope(situation)))


def step_scope(job: Result, variables: Mapping[str, str], *, cancelled: bool) -> Situation:
    """The situation of a step: only its job's status counts."""
    return Situation(variables, ancestors=[Outcome(job)], cancelled=cancelled)


def of_stage(result: Result, jobs: Mapping[str, Outcome]) -> Outcome:
    """A stage's outcome from those of its jobs."""
    outputs = {f"{name}.{key}": text for name, job in jobs.items() for key, text in job.outputs.items()}
    return Outcome(result, outputs, jobs)


def as_dependency(outcome: Outcome) -> Value:
    """What `dependencies.NAME` holds."""
    return {"result": SPOKEN[outcome.result], "outputs": dict(outcome.outputs)}


def as_stage_dependency(outcome: Outcome) -> Value:
    """What `stageDependencies.STAGE` holds: its jobs."""
    return {name: as_dependency(job) for name, job in outcome.jobs.items()}


def counter_function(count: Callable[[str, int], int]) -> Function:
    def call(prefix: Value = None, seed: Value = 0.0) -> Value:
        return float(count(to_string(prefix), int(to_number(seed))))

    return Function(0, 2, call)


def _scope(situation: Situation) -> Scope:
    contexts: dict[str, Value] = {
        "variables": dict(situation.variables),
        "dependencies": dict(situation.dependencies),
        "stageDependencies": dict(situation.stage_dependencies),
        "resources": dict(situation.resources),
        "pipeline": {"startTime": situation.started},
    }
    functions = _status_functions(situation)
    if situation.counter:
        functions["counter"] = counter_function(situation.counter)
    return Scope(contexts, functions)


def _status_functions(situation: Situation) -> dict[str, Function]:
    named = {name.lower(): one for name, one in situation.named.items()}

    def looked_at(names: Iterable[Value]) -> list[Outcome | None]:
        wanted = [to_string(name).lower() for name in names]
        return [named.get(name) for name in wanted] if wanted else list(situation.ancestors)

    def succeeded(*names: Value) -> bool:
        return not situation.cancelled and all(one and one.result in GOOD for one in looked_at(names))

    def failed(*names: Value) -> bool:
        return not situation.cancelled and any(one and one.result == "failed" for one in looked_at(names))

    def succeeded_or_failed(*names: Value) -> bool:
        if situation.cancelled:
            return False
        return not names or any(one and one.result in (*GOOD, "failed") for one in looked_at(names))

    return {
        "succeeded": Function(0, MANY, succeeded),
        "failed": Function(0, MANY, failed),
        "succeededorfailed": Function(0, MANY, succeeded_or_failed),
        "always": Function(0, 0, lambda: True),
        "canceled": Function(0, 0, lambda: situation.cancelled),
    }
