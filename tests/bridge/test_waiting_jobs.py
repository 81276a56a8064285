"""A job that waits, and steps, an end, a timeout, crashes, losses, copies in any order: told once, truly."""

from __future__ import annotations

import itertools
import os
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.bridge.clouds import Clouds, Fault, serving
from tests.bridge.conftest import Bridge, clear, environment, forget
from tests.bridge.test_callback import ARN, begin, call, end, results, state, step
from tests.bridge.test_exactly_once import FAULTS

COPIES = st.integers(0, 3)
ENDS = {"Succeeded": "succeeded", "Failed": "failed", "Stopped": "failed"}


def new_lambda() -> None:
    """Nothing is remembered of what was signed in to; clients of AWS are the same, and take long to make."""
    from bridge import azure

    azure.azure_devops.cache_clear()


class Wait(RuleBasedStateMachine):
    """One execution, one job; events reach the bridge late, often, out of order, or not at all."""

    @initialize()
    def start(self) -> None:
        self.clouds = Clouds()
        self.server = serving(self.clouds)
        self.environment = patch.dict(os.environ, environment(self.server.__enter__()))
        self.environment.__enter__()
        clear(self.clouds)
        forget()
        begin(self.clouds)
        self.bridge = Bridge(self.clouds)
        self.queue: list[dict[str, Any]] = []
        self.registered, self.truth, self.late = False, "", False

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        try:
            self._settle()
        finally:
            self.environment.__exit__(None, None, None)
            self.server.__exit__(None, None, None)

    @precondition(lambda self: not self.registered and not self.late)
    @rule(fault=FAULTS)
    def register(self, fault: Fault | None) -> None:
        self.clouds.strike(fault)
        try:
            self.registered = call() == 200
        except Exception:  # noqa: BLE001  Azure DevOps sees a failed call, and the job fails
            new_lambda()
        self.clouds.strike(None)
        # A call that failed after it took effect is as good as one that was answered.
        self.registered = self.registered or bool(self.clouds.jobs.waiting)
        self._collect()

    @precondition(lambda self: not self.truth)
    @rule(
        name=st.sampled_from(["Train", "Evaluate"]),
        status=st.sampled_from(["Executing", "Succeeded"]),
        copies=COPIES,
    )
    def step(self, name: str, status: str, copies: int) -> None:
        step(self.clouds, name, status)
        self.queue += [state(kind="Execution Step Status", id=f"{len(self.queue)}") for _ in range(copies)]

    @precondition(lambda self: not self.truth)
    @rule(status=st.sampled_from(sorted(ENDS)), copies=COPIES)
    def end(self, status: str, copies: int) -> None:
        self.truth = ENDS[status]
        end(self.clouds, status)
        self.queue += [state(status, id=f"end-{copy}") for copy in range(copies)]

    @precondition(lambda self: not self.late and not results(self.clouds))
    @rule()
    def time_out(self) -> None:
        self.late = True
        self.clouds.jobs.records["17"][1] |= {"state": "completed", "result": "canceled"}

    @precondition(lambda self: self.queue)
    @rule(which=st.integers(0, 20), size=st.integers(1, 3), fault=FAULTS, again=st.booleans())
    def deliver(self, which: int, size: int, fault: Fault | None, again: bool) -> None:
        start = which % len(self.queue)
        batch = self.queue[start : start + size]
        self.clouds.strike(fault)
        failed = {int(one) for one in self.bridge.send(*batch)}
        self.clouds.strike(None)
        if fault and fault.deadly:
            new_lambda()
            failed = set(range(len(batch)))
        done = [] if again else [one for number, one in enumerate(batch) if number not in failed]
        self.queue = [one for one in self.queue if not any(one is gone for gone in done)]

    @rule(fault=FAULTS)
    def reconcile(self, fault: Fault | None) -> None:
        self.clouds.strike(fault)
        try:
            self.bridge.reconcile()
        except Exception:  # noqa: BLE001  it is called again a quarter of an hour later
            new_lambda()
        self.clouds.strike(None)

    @invariant()
    def told_once_and_truly(self) -> None:
        if hasattr(self, "clouds"):
            assert results(self.clouds) in ([], [self.truth])
            assert not (self.late and results(self.clouds))

    @invariant()
    def no_line_is_shown_twice(self) -> None:
        if hasattr(self, "clouds"):
            lines = self.clouds.jobs.lines
            assert all(one != other for one, other in itertools.pairwise(lines))

    def _settle(self) -> None:
        """The clouds are well again, and the reconciler looks: no event is needed for the end."""
        new_lambda()
        self.bridge.reconcile()
        self.told_once_and_truly()
        if self.registered and (self.truth or self.late):
            assert self.clouds.jobs.waiting == {}
            assert self.late or results(self.clouds) == [self.truth]
        while self.queue:
            assert self.bridge.send(self.queue.pop()) == []
        self.told_once_and_truly()
        assert ARN not in self.clouds.jobs.waiting or not self.truth

    def _collect(self) -> None:
        self.queue += self.clouds.jobs.queue
        self.clouds.jobs.queue.clear()


TestWait = Wait.TestCase
TestWait.settings = settings(
    max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
