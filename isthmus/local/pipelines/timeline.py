"""A run's timeline: its records, how they change, and that the host hears of each change."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from isthmus.local.pipelines.host import Host, Issue, Record, RecordType, Result, VariableValue


class Timeline:
    def __init__(self, host: Host, plan_id: str) -> None:
        self._host = host
        self._plan_id = plan_id
        self._records: dict[str, Record] = {}
        self._lock = threading.RLock()

    def add(
        self,
        kind: RecordType,
        parent: Record | None,
        ref_name: str,
        name: str,
        *,
        order: int,
        attempt: int = 0,
        task: str | None = None,
        environment: str | None = None,
    ) -> Record:
        """A new, pending record, of its parent's attempt where none is given.

        The same place in the same attempt of the same run always has the same id.
        """
        above = parent.identifier + "." if parent else ""
        identifier = above + ref_name
        attempt = attempt or (parent.attempt if parent else 1)
        record = Record(
            id=record_id(self._plan_id, kind, identifier, order, attempt),
            parent_id=parent.id if parent else None,
            type=kind,
            name=name,
            ref_name=ref_name,
            identifier=identifier,
            order=order,
            attempt=attempt,
            task=task,
            environment=environment,
        )
        return self._put(record)

    def now(self, record: Record) -> Record:
        """The record as it is now."""
        with self._lock:
            return self._records[record.id]

    def start(self, record: Record) -> None:
        self.change(record, state="inProgress", start=_now())

    def finish(
        self,
        record: Record,
        result: Result,
        issues: Iterable[Issue] = (),
        reason: str = "",
        outputs: Mapping[str, VariableValue] | None = None,
    ) -> None:
        """Skips what is still pending below a record, and ends it; `reason` is why it did not run."""
        self._skip_below(record)
        before = self.now(record)
        found = (*before.issues, *issues)
        percent = before.percent if result == "skipped" else 100
        ended = {"state": "completed", "result": result, "finish": _now(), "reason": reason}
        self.change(record, **ended, issues=found, percent=percent, outputs=outputs or {})

    def change(self, record: Record, **changes: Any) -> None:
        with self._lock:
            self._put(replace(self._records[record.id], **changes))

    def issue(self, record: Record, issue: Issue) -> None:
        with self._lock:
            self.change(record, issues=(*self._records[record.id].issues, issue))

    def _skip_below(self, record: Record) -> None:
        with self._lock:
            pending = [
                one for one in self._records.values() if one.parent_id == record.id and one.state == "pending"
            ]
        for one in pending:
            self.finish(one, "skipped")

    def _put(self, record: Record) -> Record:
        with self._lock:
            self._records[record.id] = record
            self._host.record(record)
        return record


def record_id(plan_id: str, kind: str, identifier: str, order: int, attempt: int) -> str:
    """The id of a record: a GUID, and another one for each attempt."""
    again = f"/{attempt}" if attempt > 1 else ""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{plan_id}/{kind}/{identifier}/{order}{again}"))


def _now() -> datetime:
    return datetime.now(UTC)
