"""`checkout:` of `self`, of a repository resource, or of nothing."""

from __future__ import annotations

from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.steps import CHECKOUT as KEYS
from isthmus.local.pipelines.tasks.task import Task
from isthmus.local.pipelines.values import to_count
from isthmus.local.pipelines.workspace import checkout_folder


def _checkout(step: Running) -> None:
    alias = step.input("repository")
    if alias == "none":
        return
    job = step.job
    located = job.repositories[alias]
    folder = checkout_folder(job.workspace, step.step, located, alone=job.alone)
    depth = step.input("fetchDepth", "1")
    if (count := to_count(depth)) is None:
        raise StepFailed(f"fetchDepth is a number, not {depth!r}")
    folder.mkdir(parents=True, exist_ok=True)
    # A pipeline that asks for the history, to tell its version for one, asks for the tags in it.
    job.host.checkout(located, folder, depth=count, tags=step.flag("fetchTags", default=not count))
    step.log(f"Checked out {located.name} at {located.commit} ({located.ref}) to {folder}")
    if job.alone and step.input("path"):
        # Where the only repository lies is where its job works, as the agent has it.
        for name in ("Build.SourcesDirectory", "System.DefaultWorkingDirectory"):
            job.variables.set(name, str(folder))
    if alias == "self":
        job.variables.set("Build.Repository.LocalPath", str(folder))


def _supported(step: Step) -> None:
    for key in ("submodules", "lfs", "sparseCheckoutDirectories", "sparseCheckoutPatterns"):
        if step.inputs.get(key, "false").lower() not in ("false", ""):
            place = step.input_places.get(key, step.at)
            raise broken(f"`{key}` of a checkout is not supported here", place)


CHECKOUT = Task(_checkout, ("repository", *KEYS), check=_supported)
