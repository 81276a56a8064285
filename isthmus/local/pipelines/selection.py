"""Parts of a plan: one job alone, everything from a stage on, or all but some tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from isthmus.errors import BadInput, did_you_mean
from isthmus.local.pipelines.graph import ancestors
from isthmus.local.pipelines.plan import Job, Plan, Step


def selected(plan: Plan, *, start: str = "", only: str = "", without: Collection[str] = ()) -> Plan:
    """What of the plan is to run: from the stage `start` on, the job `only`, `without` some tasks."""
    plan = _from_stage(plan, start) if start else plan
    plan = _only_job(plan, only) if only else plan
    return _without_tasks(plan, without) if without else plan


def _without_tasks(plan: Plan, references: Collection[str]) -> Plan:
    """The plan, with the steps of some tasks switched off: they show as skipped."""
    known = {step.task for step in all_steps(plan)}
    for reference in references:
        if reference.lower() not in map(str.lower, known):
            todo = f"its tasks: {', '.join(sorted(known))}"
            raise BadInput(f"no step is of the task {reference!r}{did_you_mean(reference, known)}", todo=todo)
    left_out = {reference.lower() for reference in references}

    def steps(found: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(
            replace(step, enabled="false") if step.task.lower() in left_out else step for step in found
        )

    def job(one: Job) -> Job:
        hooks = tuple(replace(hook, steps=steps(hook.steps)) for hook in one.hooks)
        return replace(one, steps=steps(one.steps), hooks=hooks)

    stages = tuple(replace(stage, jobs=tuple(map(job, stage.jobs))) for stage in plan.stages)
    return replace(plan, stages=stages)


def all_steps(plan: Plan) -> Iterator[Step]:
    return (step for stage in plan.stages for job in stage.jobs for step in job.all_steps())


def _only_job(plan: Plan, name: str) -> Plan:
    """The job alone (`job`, or `stage.job`), waiting for nothing."""
    stage_name, _, job_name = name.rpartition(".")
    kept = []
    for stage in plan.stages:
        jobs = tuple(replace(job, depends_on=()) for job in stage.jobs if job.name == job_name)
        if jobs and stage_name in ("", stage.name):
            kept.append(replace(stage, jobs=jobs, depends_on=()))
    if not kept:
        known = [f"{stage.name}.{job.name}" for stage in plan.stages for job in stage.jobs]
        names = [*known, *(one.rpartition(".")[2] for one in known)]
        raise BadInput(
            f"there is no job {name!r}{did_you_mean(name, names)}", todo=f"jobs: {', '.join(known)}"
        )
    return replace(plan, stages=tuple(kept))


def _from_stage(plan: Plan, name: str) -> Plan:
    """The stage and all that follow from it, without what comes before."""
    depends = {stage.name: stage.depends_on for stage in plan.stages}
    if name not in depends:
        raise BadInput(
            f"there is no stage {name!r}{did_you_mean(name, depends)}", todo=f"stages: {', '.join(depends)}"
        )
    kept = {one for one in depends if one == name or name in ancestors(one, depends)}
    stages = tuple(
        replace(stage, depends_on=tuple(one for one in stage.depends_on if one in kept))
        for stage in plan.stages
        if stage.name in kept
    )
    return replace(plan, stages=stages)
