"""The whole way of an event: before the bridge, over it, and what came of the run that it queued.

The bridge's own hops are read from its log (`hops.py`). What came before them the event tells itself; what
came after them Azure DevOps tells, and the registry, as long as it names that run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from isthmus.config import STAGES
from isthmus.operate.hops import Hop

if TYPE_CHECKING:
    from isthmus.azure.runs import Run
    from isthmus.operate.registry import Version

# Events tell moments as milliseconds since 1970; in seconds these would be of the year 5138.
MILLISECONDS = 100_000_000_000


def whole(
    found: Sequence[Hop], run: Callable[[str], Run | None], version: Callable[[str], Version | None]
) -> list[Hop]:
    """The hops and those around the bridge, the oldest first; each with the time since the one before.

    `run` gives a run by its number, and `version` a version by its ARN, where they are known.
    """
    all_: list[Hop] = []
    told: set[str] = set()
    for hop in found:
        if hop.payload:
            all_ += _before(hop, again=hop.correlation_id in told)
            told.add(hop.correlation_id)
        all_.append(hop)
        if hop.hop == "queued":
            ran = run(hop.run_id)
            all_ += _after(hop, ran, version(_deployed(hop, ran)))
    return list(_timed(sorted(all_, key=lambda one: one.at)))


def _before(received: Hop, *, again: bool) -> Iterator[Hop]:
    """Where it happened, when EventBridge says that it did (to the second), and when it was in the queue.

    What was sent again has been in the queue alone.
    """
    event = json.loads(received.payload)
    queued = datetime.fromisoformat(received.at) - timedelta(milliseconds=received.latency_ms)
    name, happened = _origin(event)
    sent = _moment(event.get("time"))
    if sent and happened:
        sent = max(sent, happened)
    for hop, at in ((name, happened), ("EventBridge", sent)):
        if at and not again:
            yield _upstream(received, hop, min(at, queued), queued)
    yield _upstream(received, "in queue", queued, queued)


def _upstream(received: Hop, name: str, at: datetime, queued: datetime) -> Hop:
    latency = round((at - queued).total_seconds() * 1000, 1)
    return replace(received, hop=name, at=_written(at), latency_ms=latency, payload="")


def _origin(event: dict[str, Any]) -> tuple[str, datetime | None]:
    """Where it happened and when, as the event's detail tells."""
    detail = event.get("detail", {})
    if event.get("source") == "aws.cloudwatch":
        return "alarm", _moment(detail.get("state", {}).get("timestamp"))
    if "ModelPackageArn" in detail:
        return "registry", _moment(detail.get("LastModifiedTime") or detail.get("CreationTime"))
    return "", None


def _deployed(queued: Hop, run: Run | None) -> str:
    """The version that the run deploys: a rollback's is another one than the event's."""
    return (run.parameters.get("modelPackageArn") if run else "") or queued.subject


def _after(queued: Hop, run: Run | None, version: Version | None) -> Iterator[Hop]:
    if run:
        yield _hop(queued, "run", run.queued, run.pipeline)
    for stage in STAGES if version else ():
        kept = version.metadata if version else {}
        if kept.get(f"{stage}_run_id") == queued.run_id and (at := kept.get(f"{stage}_at")):
            yield _hop(queued, stage, at, f"endpoint {kept.get(f'{stage}_endpoint', '')}".strip())
    if run and run.is_over:
        yield _hop(queued, "run over", run.finished, run.result)


def _hop(queued: Hop, name: str, at: str, reason: str) -> Hop:
    """A hop after that one, though the other cloud's clock is behind or tells whole seconds."""
    since = datetime.fromisoformat(queued.at)
    when = max(_moment(at) or since, since)
    latency = queued.latency_ms + (when - since).total_seconds() * 1000
    return replace(queued, hop=name, at=_written(when), latency_ms=round(latency, 1), reason=reason)


def _timed(found: Sequence[Hop]) -> Iterator[Hop]:
    last: dict[str, datetime] = {}
    for hop in found:
        at = datetime.fromisoformat(hop.at)
        before = last.get(hop.correlation_id)
        last[hop.correlation_id] = at
        after = (at - before).total_seconds() * 1000 if before and hop.correlation_id else None
        yield replace(hop, after_ms=after)


def _moment(value: Any) -> datetime | None:
    """A moment as AWS or Azure DevOps tells it: text, or a number since 1970; None for what is neither."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _read(value)
    try:
        return datetime.fromtimestamp(number / 1000 if number > MILLISECONDS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _read(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
