"""Exclusive locks: one stage at a time on a resource."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.host import Checkpoint, Decision


@dataclass(frozen=True)
class _Waiter:
    pipeline: int
    run: int
    stage: str
    names: tuple[str, ...]
    latest_only: bool


class Locks:
    """Who holds which lock, and who waits for it: older runs first, or only the newest of a pipeline."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._held: dict[str, tuple[int, str]] = {}
        self._waiting: list[_Waiter] = []

    def wait(
        self, run: Document, point: Checkpoint, names: list[str], cancelled: threading.Event
    ) -> Decision:
        """Block until all of the locks are this stage's; a later run takes its place under `runLatest`."""
        latest = point.lock_behavior != "sequential"
        me = _Waiter(run["pipeline"], run["id"], point.stage_record_id, tuple(names), latest)
        with self._changed:
            self._waiting.append(me)
            self._changed.notify_all()
            try:
                return self._until_mine(me, cancelled)
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()

    def release(self, run: int, stage: str = "") -> None:
        """Free what the run (or only that stage of it) holds."""
        with self._changed:
            for name, (holder, its_stage) in list(self._held.items()):
                if holder == run and stage in ("", its_stage):
                    del self._held[name]
            self._changed.notify_all()

    def _until_mine(self, me: _Waiter, cancelled: threading.Event) -> Decision:
        while True:
            if cancelled.is_set():
                return Decision(
                    False, "the run was canceled while it waited for an exclusive lock", canceled=True
                )
            if newer := self._superseded(me):
                return Decision(False, f"a later run ({newer}) takes its place", canceled=True)
            if not any(name in self._held for name in me.names) and not self._behind(me):
                self._held |= dict.fromkeys(me.names, (me.run, me.stage))
                return Decision(True)
            self._changed.wait()

    def _superseded(self, me: _Waiter) -> int:
        if not me.latest_only:
            return 0
        rivals = [one.run for one in self._rivals(me) if one.pipeline == me.pipeline and one.run > me.run]
        return max(rivals, default=0)

    def _behind(self, me: _Waiter) -> bool:
        return any(one.run < me.run for one in self._rivals(me) if not self._superseded(one))

    def _rivals(self, me: _Waiter) -> list[_Waiter]:
        return [one for one in self._waiting if one is not me and set(one.names) & set(me.names)]
