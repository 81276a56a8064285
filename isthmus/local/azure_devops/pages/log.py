"""What one step wrote."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.local.azure_devops.clock import parse
from isthmus.local.azure_devops.faults import not_found
from isthmus.local.azure_devops.pages.page import Asked, Page

# What agents mark lines with, and how such a line is shown.
SIX_DIGITS = len("2026-11-21T08:00:00.123456")
MARKS = {
    "error": "error",
    "warning": "warning",
    "section": "section",
    "command": "command",
    "group": "section",
}


@dataclass(frozen=True)
class Line:
    at: str
    text: str
    kind: str = ""


def one(asked: Asked) -> Page:
    run, record = asked.run(), asked.query["t"].lower()
    ledger, found = asked.organization.ledger, run.get("logs", {}).get(record)
    if found is None:
        raise not_found(f"Run {run['id']} has no step {record} that wrote something.")
    step = ledger.record(run, record)
    shown = {
        "step": step,
        "lines": [line_of(text) for text in ledger.lines(run, found["id"])],
    }
    trail = (*asked.trail, (f"run {run['id']}", f"{asked.base}/_build/results?buildId={run['id']}"))
    return Page("log.html", step["name"], trail, shown, is_live=step["state"] != "completed")


def line_of(text: str) -> Line:
    """A line of a log: its moment, and what it says without the agent's mark."""
    stamp, _, said = text.partition(" ")
    at = f"{parse(stamp[:SIX_DIGITS] + 'Z').astimezone():%H:%M:%S}"
    if said.startswith("##["):
        word, _, rest = said[3:].partition("]")
        return Line(at, rest, MARKS.get(word, ""))
    return Line(at, said)
