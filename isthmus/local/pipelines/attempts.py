"""A run that goes on with a stage: which stages and jobs run again, and what stands of those before.

As Azure DevOps has it: a stage's jobs that failed run again, with all that depends on them in the stage, and
so do the stages that depend on it.
https://learn.microsoft.com/azure/devops/release-notes/2024/pipelines/sprint-235-update
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from isthmus.local.pipelines.graph import Depends, ancestors
from isthmus.local.pipelines.plan import Plan
from isthmus.local.pipelines.runtime import Outcome

ENDED_BADLY = ("failed", "canceled")


@dataclass(frozen=True)
class Earlier:
    """What earlier attempts left, by stage or by stage and job; nothing of it at a run's first attempt."""

    outcomes: Mapping[tuple[str, ...], Outcome] = field(default_factory=dict)
    """Of what does not run again."""
    attempts: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """Which attempt comes, of what runs again."""
    secrets: tuple[str, ...] = ()
    """Values of output variables that no log shows."""

    @property
    def is_nothing(self) -> bool:
        return not self.attempts

    def outcome(self, *place: str) -> Outcome | None:
        return self.outcomes.get(place)

    def attempt(self, *place: str) -> int:
        return self.attempts.get(place, 1)


NOTHING = Earlier()


def again(
    plan: Plan,
    done: Mapping[str, Outcome],
    stages: Collection[str],
    *,
    every_job: bool = False,
    alone: bool = False,
) -> dict[str, set[str]]:
    """The jobs that run again when the `stages` are retried, by stage.

    Parameters
    ----------
    done : how the stages ended; one that is not there was interrupted.
    every_job : of the `stages`, and not only what failed in them and depends on that.
    alone : whether the stages that depend on them keep their outcomes.
    """
    depends = {one.name: one.depends_on for one in plan.stages}
    found = {}
    for name in stages if alone else _with_dependents(stages, depends):
        jobs = {job.name: job.depends_on for job in plan.stage(name).jobs}
        before = done[name].jobs if name in done else {}
        failed = [job for job in jobs if job not in before or before[job].result in ENDED_BADLY]
        # A stage that depends on another begins anew; and one that a check ended had no job that failed.
        some = name in stages and failed and not every_job
        found[name] = _with_dependents(failed, jobs) if some else set(jobs)
    return found


def _with_dependents(names: Collection[str], depends: Depends) -> set[str]:
    return {name for name in depends if name in names or set(ancestors(name, depends)) & set(names)}
