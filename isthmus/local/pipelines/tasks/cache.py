"""Cache@2: every run on this machine starts without a cache, and keeps none."""

from __future__ import annotations

from isthmus.local.pipelines.running_step import Running
from isthmus.local.pipelines.tasks.task import Task


def _miss(step: Running) -> None:
    step.log(f"There is no cache here for the key {step.input('key')!r}")
    name = step.input("cacheHitVar")
    if name:
        step.job.variables.set(name, "false")


CACHE = Task(_miss, ("key", "path", "restoreKeys", "cacheHitVar"), required=("key", "path"))
