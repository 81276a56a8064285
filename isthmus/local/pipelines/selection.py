"""Parts of a plan: one job alone, or everything from a stage on."""

from __future__ import annotations

from dataclasses import replace

from isthmus.errors import BadInput
from isthmus.local.pipelines.graph import ancestors
from isthmus.local.pipelines.nodes import nearest
from isthmus.local.pipelines.plan import Plan


def only_job(plan: Plan, name: str) -> Plan:
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
        raise BadInput(f"there is no job {name!r}{nearest(name, names)}", todo=f"jobs: {', '.join(known)}")
    return replace(plan, stages=tuple(kept))


def from_stage(plan: Plan, name: str) -> Plan:
    """The stage and all that follow from it, without what comes before."""
    depends = {stage.name: stage.depends_on for stage in plan.stages}
    if name not in depends:
        raise BadInput(
            f"there is no stage {name!r}{nearest(name, depends)}", todo=f"stages: {', '.join(depends)}"
        )
    kept = {one for one in depends if one == name or name in ancestors(one, depends)}
    stages = tuple(
        replace(stage, depends_on=tuple(one for one in stage.depends_on if one in kept))
        for stage in plan.stages
        if stage.name in kept
    )
    return replace(plan, stages=stages)
