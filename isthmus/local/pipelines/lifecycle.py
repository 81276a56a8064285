"""The turns of a deployment: which hook comes when, under each strategy, and what its outputs are called.

Names and variables: https://learn.microsoft.com/azure/devops/pipelines/process/deployment-jobs
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from isthmus.local.pipelines.plan import ITERATED, Hook, Job

_ACTIONS = {"success": "promote", "failure": "reject"}


@dataclass(frozen=True)
class Turn:
    """One hook in its turn; a canary's hooks come once for each increment."""

    name: str
    hook: Hook
    variables: Mapping[str, str]
    prefixes: tuple[str, ...]
    """What may stand before `step.variable` in the names of its output variables."""


def turns(job: Job) -> list[Turn]:
    """All turns of a deployment, `on: success` and `on: failure` last."""
    before = [hook for hook in job.hooks if hook.name == "preDeploy"]
    iterated = [hook for hook in job.hooks if hook.name in ITERATED]
    after = [hook for hook in job.hooks if hook.name in _ACTIONS]
    found = [_turn(job, hook, "PreIteration") for hook in before]
    for increment in job.increments or ("",):
        found += [_turn(job, hook, "Iteration", increment) for hook in iterated]
    return found + [_turn(job, hook, "PostIteration") for hook in after]


def _turn(job: Job, hook: Hook, cycle: str, increment: str = "") -> Turn:
    variables = {"Strategy.Name": job.lifecycle, "Strategy.CycleName": cycle}
    if job.lifecycle == "canary":
        action = _ACTIONS.get(hook.name, "deploy")
        variables |= {"Strategy.Action": action, "Strategy.Increment": increment}
    name = f"{hook.name}_{increment}" if increment else hook.name
    return Turn(name, hook, variables, tuple(_prefixes(job, name)))


def _prefixes(job: Job, name: str) -> Iterator[str]:
    """By the hook; in runOnce also by the job; with a resource also by that."""
    yield name
    resource = job.resource or (platform.node() if job.lifecycle == "rolling" else "")
    if job.lifecycle == "runOnce":
        yield job.name
        if resource:
            yield f"{job.name}_{resource}"
    elif resource:
        yield f"{name}_{resource}"
