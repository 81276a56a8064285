"""Agents: they carry compiled runs out, a few at a time, each run in a thread.

A run that waits for an approval or a lock gives its agent back, so that a waiting run holds up no other.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.hosting import RunHost
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.runs import Compiled
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.timeline import run_folder
from isthmus.local.pipelines.attempts import NOTHING, Earlier
from isthmus.local.pipelines.execution import execute
from isthmus.local.pipelines.own_python import sees_ours

log = logging.getLogger("isthmus.azure_devops")
# What the engine says of a run, as Azure DevOps says it.
RESULTS = {"succeeded": "succeeded", "succeededWithIssues": "succeeded", "canceled": "canceled"}
RESTARTED = "The server was restarted while this run was in progress."


class Slots:
    """As many at a time as there are agents; those who wait go in the order in which they came."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()

    def when_free(self, go: Callable[[], None]) -> None:
        """Call `go` now or later; it holds a slot until `release`."""
        with self._lock:
            if not self._free:
                self._waiting.append(go)
                return
            self._free -= 1
        go()

    def release(self) -> None:
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            go = self._waiting.popleft()
        go()

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Give one's own slot to others while the block lasts."""
        self.release()
        try:
            yield
        finally:
            back = threading.Event()
            self.when_free(back.set)
            back.wait()


class RunAgents:
    """Starts, cancels and ends runs."""

    def __init__(self, organization: Organization) -> None:
        self._organization = organization
        self._slots = Slots(organization.settings.parallel_jobs)
        self._hosts: dict[int, RunHost] = {}
        self._stopping = False
        for run in organization.runs:
            if run["state"] != "completed":
                self._abandon(run)

    def start(self, run: Document, compiled: Compiled, earlier: Earlier = NOTHING) -> None:
        host = RunHost(self._organization, run, self._slots.lent)
        self._hosts[run["id"]] = host
        name = f"run-{run['id']}"

        def go() -> None:
            threading.Thread(
                target=self._carry_out, args=(run, compiled, earlier, host), name=name, daemon=True
            ).start()

        self._slots.when_free(go)

    def cancel(self, run: Document) -> None:
        """Ask a run to stop; it ends as canceled when its steps have."""
        host = self._hosts.get(run["id"])
        if host and run["state"] == "inProgress":
            run["state"] = "canceling"
            self._organization.save_run(run)
            host.cancel()

    def cancel_stage(self, run: Document, stage: str) -> None:
        """Ask one stage to stop; the others go on as they may."""
        if host := self._hosts.get(run["id"]):
            host.cancel(stage)

    def host(self, run: Document) -> RunHost | None:
        """The world of a run that goes on; None where it is over."""
        return self._hosts.get(run["id"])

    def stop(self) -> None:
        """The server ends: cancel what is in progress, and write why."""
        self._stopping = True
        for number, host in list(self._hosts.items()):
            host.cancel()
            run = self._organization.runs.get(number)
            if run and run["state"] != "completed":
                self._abandon(run)

    def _carry_out(self, run: Document, compiled: Compiled, earlier: Earlier, host: RunHost) -> None:
        result, failure = "canceled", ""
        try:
            if not host.cancelled.is_set():
                run.setdefault("startTime", now())
                self._organization.save_run(run)
                work = run_folder(self._organization, run) / "work"
                # A server that was killed left it.
                shutil.rmtree(work, ignore_errors=True)
                host.sees_ours = sees_ours(compiled.sources)
                ended = execute(
                    compiled.plan,
                    compiled.context,
                    host,
                    work,
                    variables=compiled.variables,
                    skip=run["stagesToSkip"],
                    counter=partial(self._count, run, compiled),
                    earlier=earlier,
                )
                result = RESULTS.get(ended.result, "failed")
        except Exception as error:
            log.exception("run %s", run["id"])
            result, failure = "failed", f"The agent failed: {error}"
        finally:
            self._slots.release()
            self._end(run, host, result, failure)

    def _count(self, run: Document, compiled: Compiled, prefix: str, seed: int) -> int:
        """A counter goes up once for each run, whatever asks for it and at which attempt.

        https://learn.microsoft.com/azure/devops/pipelines/process/expressions#counter
        """
        with self._organization.store.lock:
            counted: dict[str, int] = run.setdefault("counted", {})
            if prefix not in counted:
                counted[prefix] = compiled.sources.counter(prefix, seed)
                self._organization.save_run(run)
            return counted[prefix]

    def _end(self, run: Document, host: RunHost, result: str, failure: str) -> None:
        self._hosts.pop(run["id"], None)
        host.close()
        if self._stopping:
            # What it was stopped as is written; how long its logs are is not.
            self._organization.save_run(run)
            return
        run |= {"state": "completed", "result": result, "finishedDate": now()}
        if failure:
            run["failure"] = failure
        self._organization.save_run(run)
        self._organization.run_ended(run)

    def _abandon(self, run: Document) -> None:
        """A run that no agent carries on with."""
        run |= {"state": "completed", "result": "canceled", "finishedDate": now(), "failure": RESTARTED}
        self._organization.save_run(run)
        for record in self._organization.ledger.records(run).values():
            if record["state"] != "completed":
                ended = {"id": record["id"], "state": "completed", "result": "canceled", "finishTime": now()}
                self._organization.ledger.put(run, ended)
        self._organization.gates.abandon(run)
