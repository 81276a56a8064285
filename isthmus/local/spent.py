"""Where a demo's time went: its steps and its runs' steps, added up by kind."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from isthmus.azure.client import Client
from isthmus.azure.runs import every, timeline

# What a pipeline's steps are called, and the kind of work that each does.
KINDS = (
    (r"Checkout|Download|Publish|Test results", "sources and artifacts of jobs"),
    (r"Python|Install", "install in jobs"),
    (r"model.yaml and data|Lint|Unit tests|Pipeline on a sample", "checks of the pull request"),
    (r"Define|Start it in SageMaker|Wait for SageMaker|Say what came of it", "train, evaluate, register"),
    (r"Synthesize", "synthesize"),
    (r"Deploy to", "deploy versions"),
    (r"Gates", "gates"),
)
OTHER, AGENT = "other steps of jobs", "agents start"


def of_runs(client: Client) -> dict[str, float]:
    """The seconds of every step of every run, by kind."""
    return of_records(record for run in every(client) for record in timeline(client, run.id))


def of_records(records: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The seconds of a timeline's steps by kind, and what their jobs took beyond them."""
    found: defaultdict[str, float] = defaultdict(float)
    for record in records:
        if record["type"] == "Task":
            found[_kind(record["name"])] += _seconds(record)
            found[AGENT] -= _seconds(record)
        elif record["type"] == "Job":
            found[AGENT] += _seconds(record)
    return found


def _kind(step: str) -> str:
    return next((kind for pattern, kind in KINDS if re.match(pattern, step)), OTHER)


def _seconds(record: Mapping[str, Any]) -> float:
    start, finish = record.get("startTime"), record.get("finishTime")
    if not start or not finish:
        return 0.0
    return (datetime.fromisoformat(finish) - datetime.fromisoformat(start)).total_seconds()
