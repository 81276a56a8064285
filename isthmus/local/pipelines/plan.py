"""A compiled pipeline: plain data, with every template expanded and every shorthand written out.

Text may still hold what only the run knows: `$(macros)`, `$[ runtime expressions ]` and conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from isthmus.local.pipelines.host import Located, VariableValue
from isthmus.local.pipelines.nodes import Place, Plain

DEFAULT_CONDITION = "succeeded()"
ITERATED = ("deploy", "routeTraffic", "postRouteTraffic")
HOOKS = ("preDeploy", *ITERATED)
Lifecycle = Literal["runOnce", "rolling", "canary"]
LIFECYCLES: tuple[Lifecycle, ...] = ("runOnce", "rolling", "canary")


@dataclass(frozen=True)
class Variable:
    name: str
    value: str
    at: Place
    readonly: bool = False


@dataclass(frozen=True)
class Group:
    """A variable group, and what it held when the run was compiled. Template expressions do not see it."""

    name: str
    at: Place
    values: Mapping[str, VariableValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A task and its inputs; `checkout` is the task `checkout`, with the alias as input `repository`."""

    task: str
    inputs: Mapping[str, str]
    at: Place
    name: str = ""
    display_name: str = ""
    condition: str = DEFAULT_CONDITION
    continue_on_error: str = "false"
    enabled: str = "true"
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_minutes: str = "0"
    retries: str = "0"
    commands: Literal["any", "restricted"] = "any"
    settable: tuple[str, ...] | None = None
    """Names of variables that logging commands may set; None for all."""
    container: str = ""
    """Of its `target`."""
    input_places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True)
class Hook:
    """A part of a deployment's life: preDeploy, deploy, routeTraffic, postRouteTraffic, success, failure."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Strategy:
    """`matrix` maps the name of an instance to its variables; or text to evaluate when the job begins."""

    matrix: Mapping[str, Mapping[str, str]] | str = field(default_factory=dict)
    parallel: str = ""
    max_parallel: str = ""


@dataclass(frozen=True)
class Job:
    name: str
    at: Place
    display_name: str = ""
    depends_on: tuple[str, ...] = ()
    condition: str = DEFAULT_CONDITION
    variables: tuple[Variable | Group, ...] = ()
    steps: tuple[Step, ...] = ()
    pool: Plain = ""
    timeout_minutes: str = "60"
    cancel_timeout_minutes: str = "5"
    continue_on_error: str = "false"
    strategy: Strategy | None = None
    environment: str = ""
    hooks: tuple[Hook, ...] = ()
    """Of a deployment job, in order; `steps` is empty then."""
    resource: str = ""
    """In the environment."""
    lifecycle: Lifecycle = "runOnce"
    increments: tuple[str, ...] = ()
    """Of a canary: percentages."""
    container: bool = False
    uses: tuple[str, ...] = ()

    @property
    def is_deployment(self) -> bool:
        return bool(self.hooks)

    @property
    def is_agentless(self) -> bool:
        """Whether Azure DevOps itself carries its steps out, and no agent."""
        return self.pool == "server"

    def all_steps(self) -> Iterator[Step]:
        yield from self.steps
        for hook in self.hooks:
            yield from hook.steps


@dataclass(frozen=True)
class Stage:
    name: str
    at: Place
    display_name: str = ""
    depends_on: tuple[str, ...] = ()
    condition: str = DEFAULT_CONDITION
    variables: tuple[Variable | Group, ...] = ()
    jobs: tuple[Job, ...] = ()
    lock_behavior: Literal["sequential", "runLatest", ""] = ""
    is_skippable: bool = True
    manual: bool = False


@dataclass(frozen=True)
class Trigger:
    """`trigger:`. None of `Plan.trigger` is the default: every branch."""

    branches_include: tuple[str, ...] = ()
    branches_exclude: tuple[str, ...] = ()
    paths_include: tuple[str, ...] = ()
    paths_exclude: tuple[str, ...] = ()
    batch: bool = False
    enabled: bool = True


@dataclass(frozen=True)
class Plan:
    """A pipeline, ready to run."""

    path: str
    name: str
    """The format of the run's number; empty for the default."""
    stages: tuple[Stage, ...]
    variables: tuple[Variable | Group, ...]
    repositories: Mapping[str, Located]
    """By alias, `self` included."""
    parameters: Mapping[str, Plain]
    trigger: Trigger | None = None
    extends: tuple[tuple[str, str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)
