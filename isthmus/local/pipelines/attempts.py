"""A run that goes on with a stage: which stages and jobs run again, and what stands of those before.

As Azure DevOps has it: a stage's jobs that failed run again, with all that depends on them in the stage, and
so do the stages that depend on it. Of a matrix that failed, only what failed of it does.
https://learn.microsoft.com/azure/devops/release-notes/2024/pipelines/sprint-235-update
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from isthmus.local.pipelines.graph import Depends, ancestors
from isthmus.local.pipelines.plan import Plan, Stage
from isthmus.local.pipelines.runtime import Outcome

ENDED_BADLY = ("failed", "canceled")


@dataclass(frozen=True)
class Earlier:
    """What earlier attempts left, by stage, by stage and job, or by these and the leg of a matrix.

    Nothing of it at a run's first attempt.
    """

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

    def legs(self, stage: str, job: str) -> dict[str, Outcome]:
        """Of a matrix that runs again, what does not, by name."""
        return {
            place[2]: one for place, one in self.outcomes.items() if place[:2] == (stage, job) and place[2:]
        }

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


def standing(stage: Stage, name: str, before: Outcome, runs_again: Collection[str]) -> dict[str, Outcome]:
    """The legs of a job's matrix that succeeded and stand, where the job runs again because others failed."""
    (job,) = [one for one in stage.jobs if one.name == name]
    above = ancestors(name, {one.name: one.depends_on for one in stage.jobs})
    if job.is_deployment or before.result not in ENDED_BADLY or set(above) & set(runs_again):
        return {}
    good = {leg: one for leg, one in before.jobs.items() if one.result not in (*ENDED_BADLY, "skipped")}
    return good if len(good) < len(before.jobs) else {}


def _with_dependents(names: Collection[str], depends: Depends) -> set[str]:
    return {name for name in depends if name in names or set(ancestors(name, depends)) & set(names)}
