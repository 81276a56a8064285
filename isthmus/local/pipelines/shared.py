"""What all stages and jobs of a run share: the plan, the host, the variables of the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from isthmus.local.pipelines import runtime
from isthmus.local.pipelines.attempts import Earlier
from isthmus.local.pipelines.host import Host, RunContext, VariableValue
from isthmus.local.pipelines.plan import Group, Plan, Variable
from isthmus.local.pipelines.resources import described
from isthmus.local.pipelines.run_number import run_number
from isthmus.local.pipelines.runtime import Situation
from isthmus.local.pipelines.secrets import Masker
from isthmus.local.pipelines.timeline import Timeline
from isthmus.local.pipelines.values import Value
from isthmus.local.pipelines.variables import predefined

Values = dict[str, VariableValue]


@dataclass
class Run:
    """What all stages of a run share."""

    plan: Plan
    context: RunContext
    host: Host
    work: Path
    timeline: Timeline
    masker: Masker
    queued: Mapping[str, VariableValue]
    counter: Callable[[str, int], int] | None
    agents: threading.BoundedSemaphore
    earlier: Earlier
    cancelled: threading.Event
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    values: Values = field(default_factory=dict)
    """The variables of the run: predefined ones, queued ones and the file's."""
    deferred: list[Variable] = field(default_factory=list)
    """Variables of the file whose `$[ ]` need a job's dependencies."""

    def __post_init__(self) -> None:
        ours = {name: VariableValue(value) for name, value in predefined(self.context).items()}
        taken = {name.lower() for name in ours}
        self.values |= {
            name: value for name, value in self.queued.items() if name.lower() not in taken
        } | ours
        for variable in self.plan.variables:
            if isinstance(variable, Variable) and "dependencies" in variable.value.lower():
                self.deferred.append(variable)
            else:
                resolve([variable], self.values, self.situation())
        if self.plan.name and self.earlier.is_nothing:
            self.rename(run_number(self.plan.name, lowered(self.values), self.started, self._revision))
        for secret in (*(one.value for one in self.values.values() if one.secret), *self.earlier.secrets):
            self.masker.add(secret)

    def within(self, stage: str) -> Run:
        """The same run as a stage has it, which may be cancelled alone."""
        found = copy(self)
        found.cancelled = self.host.cancelling(stage)
        return found

    def rename(self, number: str) -> None:
        """Give the run a number, and show it to all jobs that begin from now on."""
        put(self.values, "Build.BuildNumber", VariableValue(number))
        self.host.build_number(number)

    def _revision(self, number: str) -> int:
        return self.counter(f"run number {number}", 1) if self.counter else 1

    def situation(self, **more: object) -> Situation:
        repositories: dict[str, Value] = {
            alias: described(located) for alias, located in self.plan.repositories.items()
        }
        found = Situation(
            variables={},
            resources={"repositories": repositories},
            started=self.started,
            cancelled=self.cancelled.is_set(),
            counter=self.counter,
        )
        return Situation(**{**found.__dict__, **more})


def resolve(variables: Iterable[Variable | Group], values: Values, situation: Situation) -> None:
    """Add variables to `values`, their `$[ ]` evaluated; raises `expressions.Failed`."""
    for variable in variables:
        if isinstance(variable, Group):
            for name, value in variable.values.items():
                put(values, name, value)
            continue
        text = runtime.runtime_expression(variable.value)
        found = variable.value
        if text is not None:
            seen = {name: one.value for name, one in values.items()}
            found = runtime.evaluate(text, Situation(**{**situation.__dict__, "variables": seen}))
        put(values, variable.name, VariableValue(found, readonly=variable.readonly))


def put(values: Values, name: str, value: VariableValue) -> None:
    """Set a variable whose name may be there in another case."""
    if name not in values:
        sought = name.lower()
        for other in [other for other in values if other.lower() == sought]:
            del values[other]
    values[name] = value


def lowered(values: Mapping[str, VariableValue]) -> dict[str, str]:
    """For `expand_macros`."""
    return {name.lower(): one.value for name, one in values.items()}
