"""`checkout:` of `self`, of a repository resource, or of nothing."""

from __future__ import annotations

from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.steps import CHECKOUT as KEYS
from isthmus.local.pipelines.tasks.task import Task
from isthmus.local.pipelines.workspace import checkout_folder


def _checkout(step: Running) -> None:
    alias = step.input("repository")
    if alias == "none":
        return
    job = step.job
    located = job.repositories[alias]
    folder = checkout_folder(job.workspace, step.step, located, alone=job.alone)
    depth = step.input("fetchDepth", "1")
    if not depth.isdigit():
        raise StepFailed(f"fetchDepth is a number, not {depth!r}")
    folder.mkdir(parents=True, exist_ok=True)
    job.host.checkout(located, folder, depth=int(depth))
    step.log(f"Checked out {located.name} at {located.commit} ({located.ref}) to {folder}")
    if alias == "self":
        job.variables.set("Build.Repository.LocalPath", str(folder))


def _supported(step: Step) -> None:
    for key in ("submodules", "lfs", "sparseCheckoutDirectories", "sparseCheckoutPatterns"):
        if step.inputs.get(key, "false").lower() not in ("false", ""):
            place = step.input_places.get(key, step.at)
            raise broken(f"`{key}` of a checkout is not supported here", place)


CHECKOUT = Task(_checkout, ("repository", *KEYS), check=_supported)
