"""Every deployment to prod, and of any account's stacks, that the project keeps: by what it was let pass.

Azure DevOps writes down for an environment which runs deployed to it, whatever their pipeline, and keeps a
run for as long as the project's retention says; one that serves, for as long as it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from isthmus import names
from isthmus.azure import approvals, merged, runs
from isthmus.azure.approvals import Approval
from isthmus.azure.client import Client
from isthmus.azure.guarded import ACCOUNTS
from isthmus.azure.present import Present
from isthmus.azure.runs import Run

# prod's two environments, which ask for approvals: the deploy pipelines', and the infrastructure's.
APPROVED = ("prod", names.infrastructure_environment("prod"))
# And those of the other accounts' stacks: prod takes what automation holds.
ENVIRONMENTS = tuple(dict.fromkeys((*APPROVED, *map(names.infrastructure_environment, ACCOUNTS))))
EXTENDS = "Checkpoint.ExtendsCheck"


@dataclass(frozen=True)
class Deployment:
    """A stage of a run that deployed to an environment. `run` is None where Azure DevOps has it no more.

    `by_template` says that a check on its stage found the required template; `unmerged` are the commits that
    it ran and that are on no main, each in words.
    """

    environment: str
    number: int
    pipeline: str
    run: Run | None
    by_template: bool = False
    approvals: tuple[Approval, ...] = ()
    unmerged: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"run {self.number} of {self.pipeline}"


def every(client: Client, present: Present) -> Iterator[Deployment]:
    """Those whose runs the project keeps, the newest first; and younger ones, whose runs should be there."""
    find = cache(partial(_find, client))
    since = datetime.now(UTC) - timedelta(days=present.retention_days() or 0)
    for name in ENVIRONMENTS:
        if environment := present.environment(name):
            seen: set[tuple[int, str]] = set()
            for record in _records(client, environment.id):
                stage = int(record["owner"]["id"]), str(record["stageName"])
                if stage in seen:
                    continue
                seen.add(stage)
                found = _of(find(stage[0]), name, *stage, record["definition"]["name"])
                if found.run or datetime.fromisoformat(record["startTime"]) >= since:
                    yield found


def _records(client: Client, environment: int) -> Iterator[Mapping[str, Any]]:
    """Those that began."""
    path = f"distributedtask/environments/{environment}/environmentdeploymentrecords"
    yield from (one for one in client.every(path) if one.get("startTime"))


@dataclass(frozen=True)
class _Found:
    """A run, with what is asked of it as a whole: once, however many stages of it deployed."""

    run: Run
    timeline: Sequence[Mapping[str, Any]]
    approvals: tuple[Approval, ...]
    unmerged: tuple[str, ...]


def _find(client: Client, number: int) -> _Found | None:
    run = runs.find(client, str(number))
    if run is None:
        return None
    records = runs.timeline(client, number)
    return _Found(
        run,
        records,
        tuple(approvals.every(client, number, records)),
        tuple(merged.unmerged(client, run)),
    )


def _of(found: _Found | None, environment: str, number: int, stage: str, pipeline: str) -> Deployment:
    if found is None:
        return Deployment(environment, number, pipeline, None)
    return Deployment(
        environment,
        number,
        found.run.pipeline,
        found.run,
        by_template=_by_template(found.timeline, stage),
        approvals=found.approvals,
        unmerged=found.unmerged,
    )


def _by_template(records: Iterable[Mapping[str, Any]], stage: str) -> bool:
    """Whether a check for the required template was passed by that stage: it stands below the stage."""
    below: set[str] = set()
    for one in records:
        is_stage = one["type"] == "Stage" and str(one.get("identifier") or one["name"]) == stage
        if is_stage or one.get("parentId") in below:
            below.add(one["id"])
            if one["type"] == EXTENDS and one.get("result") == "succeeded":
                return True
    return False
