"""Following a run on a terminal: a line for each step that ends, until it is over or waits for a person."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from isthmus.azure import approvals, runs
from isthmus.azure.approvals import Approval
from isthmus.azure.client import Client
from isthmus.azure.runs import Run
from isthmus.errors import NotFound

Say = Callable[[str], None]
Record = dict[str, Any]
PAUSE = 1.0
# A check that takes its time and asks nobody, such as business hours.
WAITS = "Checkpoint.TaskCheck"
MARKS = {"succeeded": "✓", "succeededWithIssues": "!", "failed": "✗", "canceled": "✗", "skipped": "-"}


def follow(client: Client, number: int, say: Say) -> tuple[Run, list[Approval]]:
    """The run when it is over, or the approvals that it waits for."""
    told: set[str] = set()
    while True:
        run = runs.get(client, number)
        records = runs.timeline(client, number)
        for record in records:
            if record["type"] == "Task" and record["state"] == "completed" and record["id"] not in told:
                told.add(record["id"])
                say(_line(record, records))
            elif record["type"] == WAITS and record["state"] == "inProgress" and record["id"] not in told:
                told.add(record["id"])
                say(f"  {_stage(record, records)['name']} waits: {record['name']}")
        waiting = [] if run.is_over else approvals.pending(client, number)
        if run.is_over or waiting:
            return run, waiting
        time.sleep(PAUSE)


def under_way(client: Client, pipeline: str, say: Say, *, patience: float = 60) -> Run:
    """The pipeline's run that is under way, or the next that starts; raises `NotFound` where none does."""
    deadline = time.monotonic() + patience
    found = runs.every(client, pipeline, top=5)
    if all(run.is_over for run in found):
        say(f"no run of {pipeline} is under way; waiting for the next to start")
    while all(run.is_over for run in found):
        if time.monotonic() > deadline:
            newest = f"the newest is run {found[0].id}, {found[0].result}" if found else "it has never run"
            raise NotFound(f"no run of {pipeline} started in {patience:.0f} s: {newest}")
        time.sleep(PAUSE)
        found = runs.every(client, pipeline, top=5)
    return next(run for run in found if not run.is_over)


def logs(client: Client, number: int, step: str = "") -> Iterator[tuple[str, str]]:
    """Each step's name and what it wrote: steps with `step` in their name; else those that failed, or all.

    Raises `NotFound` where no step is called so.
    """
    records = runs.timeline(client, number)
    wrote = [one for one in records if one["type"] == "Task" and one.get("log")]
    named = [one for one in wrote if step.lower() in one["name"].lower()]
    if not named:
        names = ", ".join(dict.fromkeys(one["name"] for one in wrote)) or "none yet"
        raise NotFound(f"no step of run {number} with {step!r} in its name has a log", todo=f"steps: {names}")
    failed = [one for one in named if one.get("result") == "failed"]
    for one in named if step or not failed else failed:
        yield f"{_stage(one, records)['name']}: {one['name']}", runs.log(client, number, one["log"]["id"])


def _line(record: Record, records: list[Record]) -> str:
    mark, stage = MARKS.get(record.get("result") or "", " "), _stage(record, records)["name"]
    issues = "".join(f"\n  {one['message']}" for one in record.get("issues") or [])
    return f"{mark} {stage}: {record['name']}{took(record)}{issues}"


def _stage(record: Record, records: list[Record]) -> Record:
    above = {one["id"]: one for one in records}
    while record.get("parentId"):
        record = above[record["parentId"]]
    return record


def took(record: Record) -> str:
    """How long a record that has ended took, with two spaces before it; empty where it has not."""
    start, finish = record.get("startTime"), record.get("finishTime")
    if not start or not finish:
        return ""
    return f"  {(_moment(finish) - _moment(start)).total_seconds():.1f} s"


def _moment(text: str) -> datetime:
    """Azure DevOps writes seven digits of a second, Python takes six."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{rest[:6].ljust(6, '0')}+00:00")
