"""The hops of events over the bridge, read from its log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from isthmus import names
from isthmus.config import Platform


@dataclass(frozen=True)
class Hop:
    """One hop of one event; `latency_ms` since the event was put into the queue, less than 0 before that.

    `after_ms` is since the event's hop before it, where that is known (`way.py`). `payload` is the event as
    it came, in the first of the bridge's hops.
    """

    at: str
    hop: str
    correlation_id: str
    event_type: str
    model: str
    subject: str
    run_id: str
    latency_ms: float
    reason: str
    payload: str = ""
    after_ms: float | None = None


def read(logs: Any, platform: Platform, *, days: float = 14) -> list[Hop]:
    """The bridge's hops of the last days, the oldest first; none where it never ran."""
    group = names.function_log(names.bridge(platform))
    start = int((time.time() - days * 24 * 3600) * 1000)
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start)
    try:
        lines = [event["message"] for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []
    hops = [hop for hop in map(_hop, lines) if hop is not None]
    return sorted(hops, key=lambda hop: hop.at)


def ignored(hops: Iterable[Hop]) -> set[str]:
    """The events that the bridge looked at and did nothing about, by their correlation ids."""
    done: dict[str, set[str]] = {}
    for one in hops:
        done.setdefault(one.correlation_id, set()).add(one.hop)
    return {event for event, hops in done.items() if hops <= {"received", "ignored"} and "ignored" in hops}


SUBJECTS = ("model_package_arn", "alarm_arn", "data_set", "execution_arn")


def _hop(line: str) -> Hop | None:
    """The hop in a line of the log, which holds Lambda's own lines too."""
    try:
        found = json.loads(line)
        at = datetime.fromtimestamp(float(found["at"]), UTC)
        name = str(found["hop"])
    except (ValueError, KeyError, TypeError):
        return None
    return Hop(
        at=at.isoformat(timespec="milliseconds"),
        hop=name,
        correlation_id=found.get("correlation_id", ""),
        event_type=found.get("event_type", ""),
        model=found.get("model", ""),
        subject=next((found[one] for one in SUBJECTS if one in found), ""),
        run_id=str(found.get("run_id", "")),
        latency_ms=float(found.get("latency_ms", 0)),
        reason=found.get("reason", ""),
        payload=found.get("payload", ""),
    )
