"""What a task is: its inputs, and the function that carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import Running


@dataclass(frozen=True)
class Task:
    """`run` raises `StepFailed` when the task fails; a `Problem` fails it too."""

    run: Callable[[Running], None]
    inputs: tuple[str, ...]
    required: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Other names of required inputs."""
    connection_inputs: tuple[str, ...] = ()
    """In lower case: inputs that name a service connection."""
    agentless: bool = False
    """Whether it runs in jobs without an agent (`pool: server`), and in these alone."""
    check: Callable[[Step], None] | None = None
    """Raises `BadInput` for what cannot run here, before anything does."""
