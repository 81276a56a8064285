"""Runs of pipelines: queued, found, followed, and what they wrote."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from isthmus import names
from isthmus.azure.client import VERSION, Client
from isthmus.azure.people import NOBODY, Person, person
from isthmus.errors import NotFound, Unavailable, did_you_mean


@dataclass(frozen=True)
class Run:
    """A run as it is now. `status`: notStarted, inProgress, cancelling, completed; `result` when it is."""

    id: int
    number: str
    pipeline: str
    status: str
    result: str
    reason: str
    branch: str
    commit: str
    parameters: Mapping[str, str]
    tags: tuple[str, ...]
    requested_for: str
    queued: str
    finished: str
    url: str
    requester: Person = NOBODY
    queued_by: Person = NOBODY
    definition: int = 0

    @property
    def asked_by(self) -> tuple[Person, ...]:
        """Whom the run is for, and who queued it: who queues a run may say for whom."""
        return tuple(dict.fromkeys(one for one in (self.requester, self.queued_by) if one != NOBODY))

    @property
    def people(self) -> tuple[Person, ...]:
        return tuple(one for one in self.asked_by if not one.is_application)

    @property
    def is_of_application(self) -> bool:
        return bool(self.asked_by) and not self.people

    @property
    def is_over(self) -> bool:
        return self.status == "completed"


def queue(
    client: Client, pipeline: str, parameters: Mapping[str, str] | None = None, *, branch: str = "main"
) -> Run:
    """Start a run of the pipeline of that name. Not idempotent: ask `every` first where it must be."""
    number = pipeline_id(client, pipeline)
    made = client.post(
        f"pipelines/{number}/runs",
        {
            "resources": {"repositories": {"self": {"refName": f"refs/heads/{branch}"}}},
            "templateParameters": dict(parameters or {}),
        },
    )
    return get(client, made["id"])


def get(client: Client, number: int) -> Run:
    return _run(client.get(f"build/builds/{number}"))


def find(client: Client, number: str) -> Run | None:
    """The run of that number as something recorded it; None where it is none, or the run is gone."""
    try:
        return get(client, int(number)) if number.isdecimal() else None
    except NotFound:
        return None


def every(client: Client, pipeline: str = "", *, top: int = 50, tag: str = "") -> list[Run]:
    """The newest runs, of one pipeline or of all, newest first."""
    query: dict[str, Any] = {"$top": top, "queryOrder": "queueTimeDescending"}
    if pipeline:
        query["definitions"] = pipeline_id(client, pipeline)
    if tag:
        query["tagFilters"] = tag
    return [_run(build) for build in client.get("build/builds", **query)["value"]]


def wait(
    client: Client,
    number: int,
    *,
    timeout: float = 3600,
    until: Callable[[Run], bool] = lambda run: run.is_over,
    every_seconds: float = 2,
) -> Run:
    """Follow a run until it is over (or `until` says so); raises `Unavailable` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not until(run := get(client, number)):
        if time.monotonic() > deadline:
            raise Unavailable(f"run {number} is {run.status} after {timeout:.0f} s", where=run.url)
        time.sleep(every_seconds)
    return run


def cancel(client: Client, number: int) -> Run:
    return _run(client.patch(f"build/builds/{number}", {"status": "cancelling"}))


def rerun(client: Client, number: int) -> Run:
    """Rerun failed jobs: go on with a run that is over, where it failed or was cancelled."""
    return _run(client.call("PATCH", f"build/builds/{number}", None, VERSION, {"retry": "true"}))


def timeline(client: Client, number: int) -> list[dict[str, Any]]:
    """The run's records (Stage, Phase, Job, Task, Checkpoint), each below what it belongs to, in order."""
    found = client.get(f"build/builds/{number}/timeline")
    children: dict[str | None, list[dict[str, Any]]] = {}
    for record in sorted(found["records"] if found else [], key=lambda one: one.get("order") or 0):
        children.setdefault(record.get("parentId"), []).append(record)

    def below(parent: str | None) -> Iterator[dict[str, Any]]:
        for record in children.get(parent, ()):
            yield record
            yield from below(record["id"])

    return list(below(None))


def log(client: Client, number: int, log_id: int) -> str:
    return client.text(f"build/builds/{number}/logs/{log_id}")


def issues(client: Client, number: int) -> list[str]:
    """The errors and warnings that the run's steps told, in order."""
    told = [one for record in timeline(client, number) for one in record.get("issues") or []]
    return [one["message"] for one in told]


def failures(client: Client, number: int) -> list[str]:
    """What went wrong, one line for each step that failed: its name and its errors.

    A stage or job that could not begin has no step that failed, and says itself why.
    """
    lines = []
    for record in timeline(client, number):
        errors = [one["message"] for one in record.get("issues") or [] if one["type"] == "error"]
        if record.get("result") == "failed" and (errors or record["type"] == "Task"):
            lines.append(f"{record['name']}: {'; '.join(errors) or 'failed'}")
    return lines


def pipeline_id(client: Client, name: str) -> int:
    """The number of our pipeline of that name, not of one in another folder; raises `NotFound`."""
    found = _ours(client.get("build/definitions", name=name))
    if not found:
        near = did_you_mean(name, [one["name"] for one in _ours(client.get("build/definitions"))])
        raise NotFound(
            f"there is no pipeline {name!r} in project {client.project}{near}",
            todo="name one that is there" if near else "make it: isthmus azure apply",
        )
    return int(found[0]["id"])


def _ours(listed: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one for one in listed["value"] if one["path"] == names.PIPELINE_FOLDER]


def _run(build: Mapping[str, Any]) -> Run:
    return Run(
        id=build["id"],
        number=build["buildNumber"],
        pipeline=build["definition"]["name"],
        status=build["status"],
        result=build.get("result") or "",
        reason=build["reason"],
        branch=build["sourceBranch"].removeprefix("refs/heads/"),
        commit=build["sourceVersion"],
        parameters=build.get("templateParameters") or {},
        tags=tuple(build.get("tags") or ()),
        requested_for=(build.get("requestedFor") or {}).get("displayName", ""),
        queued=build["queueTime"],
        finished=build.get("finishTime") or "",
        url=build["_links"]["web"]["href"],
        requester=person(build.get("requestedFor")),
        queued_by=person(build.get("requestedBy")),
        definition=build["definition"]["id"],
    )
