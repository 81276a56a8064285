"""Which steps of an execution start next: a pure function of what has happened so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from isthmus.executor.definition import Step

StepState = Literal["Executing", "Succeeded", "Failed", "Stopped", "Skipped"]
Verdict = Literal["Succeeded", "Failed", "Stopped"]
ENDED_BADLY = ("Failed", "Stopped", "Skipped")


@dataclass(frozen=True)
class Move:
    """What to do now: steps to start, steps that never will, and the verdict once nothing is left."""

    start: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    verdict: Verdict | None = None


def advance(
    steps: Mapping[str, Step],
    states: Mapping[str, StepState],
    outcomes: Mapping[str, bool],
    *,
    parallel: int | None = None,
    halted: bool = False,
) -> Move:
    """The next move.

    A failed step holds up the steps that need it and no others; `halted` (someone stopped the execution,
    or a Fail step ran) starts nothing more. `outcomes` are those of the condition steps that succeeded.
    """
    now = dict(states)
    skip = _skipped(steps, now, outcomes, halted)
    running = sum(state == "Executing" for state in now.values())
    free = len(steps) if parallel is None else max(parallel - running, 0)
    ready = [name for name, step in steps.items() if name not in now and _ready(step, now, outcomes)]
    start = tuple(ready[:free])
    verdict = None if start or ready or running else _verdict(now, halted)
    return Move(start, skip, verdict)


def _skipped(
    steps: Mapping[str, Step], now: dict[str, StepState], outcomes: Mapping[str, bool], halted: bool
) -> tuple[str, ...]:
    """Mark in `now`, and name, every step that can no longer run; skipping spreads to what needs it."""
    skipped: list[str] = []
    changed = True
    while changed:
        changed = False
        for name, step in steps.items():
            if name not in now and (halted or _hopeless(step, now, outcomes)):
                now[name] = "Skipped"
                skipped.append(name)
                changed = True
    return tuple(skipped)


def _hopeless(step: Step, now: Mapping[str, StepState], outcomes: Mapping[str, bool]) -> bool:
    if any(now.get(need) in ENDED_BADLY for need in step.needs):
        return True
    if step.branch is None:
        return False
    condition, way = step.branch
    return now.get(condition) in ENDED_BADLY or outcomes.get(condition, way) != way


def _ready(step: Step, now: Mapping[str, StepState], outcomes: Mapping[str, bool]) -> bool:
    if any(now.get(need) != "Succeeded" for need in step.needs):
        return False
    return step.branch is None or outcomes.get(step.branch[0]) == step.branch[1]


def _verdict(now: Mapping[str, StepState], halted: bool) -> Verdict:
    if "Failed" in now.values():
        return "Failed"
    return "Stopped" if halted or "Stopped" in now.values() else "Succeeded"
