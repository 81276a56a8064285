"""A job that waits, and steps, an end, a timeout, crashes, losses, copies in any order: told once, truly."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.bridge.clouds import Fault
from tests.bridge.delivery import FAULTS, Delivery
from tests.bridge.test_callback import ARN, begin, call, end, results, state, step

COPIES = st.integers(0, 3)
ENDS = {"Succeeded": "succeeded", "Failed": "failed", "Stopped": "failed"}


class Wait(Delivery):
    """One execution, one job; events reach the bridge late, often, out of order, or not at all."""

    def begin(self) -> None:
        begin(self.clouds)
        self.registered, self.truth, self.late = False, "", False

    @precondition(lambda self: not self.registered and not self.late)
    @rule(fault=FAULTS)
    def register(self, fault: Fault | None) -> None:
        self.clouds.strike(fault)
        try:
            self.registered = call() == 200
        except Exception:  # noqa: BLE001  Azure DevOps sees a failed call, and the job fails
            self.new_lambda()
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

    def settle(self) -> None:
        """The clouds are well again, and the reconciler looks: no event is needed for the end."""
        self.new_lambda()
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
TestWait.settings = settings(max_examples=10, stateful_step_count=20, suppress_health_check=list(HealthCheck))
