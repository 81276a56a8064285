"""A queue that hands messages over late, often and in any order, to a bridge that dies as clouds fail."""

from __future__ import annotations

import os
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.bridge.clouds import Clouds, Fault, serving
from tests.bridge.conftest import Bridge, clear, environment, forget

FAULTS = st.none() | st.builds(
    Fault,
    at=st.integers(0, 14),
    late=st.booleans(),
    deadly=st.booleans(),
    status=st.sampled_from([0, 429, 503, 401]),
)


class Delivery(RuleBasedStateMachine):
    """What a machine begins with (`begin`) and what must hold in the end (`settle`) is its own to say."""

    @initialize()
    def start(self) -> None:
        self.clouds = Clouds()
        self.server = serving(self.clouds)
        self.environment = patch.dict(os.environ, environment(self.server.__enter__()))
        self.environment.__enter__()
        clear(self.clouds)
        forget()
        self.bridge = Bridge(self.clouds)
        self.queue: list[dict[str, Any]] = []
        self.begin()

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        try:
            self.settle()
        finally:
            self.environment.__exit__(None, None, None)
            self.server.__exit__(None, None, None)

    def begin(self) -> None:
        raise NotImplementedError

    def settle(self) -> None:
        raise NotImplementedError

    @precondition(lambda self: self.queue)
    @rule(which=st.integers(0, 20), size=st.integers(1, 3), fault=FAULTS, again=st.booleans())
    def deliver(self, which: int, size: int, fault: Fault | None, again: bool) -> None:
        start = which % len(self.queue)
        batch = self.queue[start : start + size]
        self.clouds.strike(fault)
        failed = {int(one) for one in self.bridge.send(*batch)}
        self.clouds.strike(None)
        if fault and fault.deadly:
            failed = set(range(len(batch)))
            self.new_lambda()
        # SQS delivers at least once: a message that was done may come again.
        done = [] if again else [one for number, one in enumerate(batch) if number not in failed]
        self.queue = [one for one in self.queue if not any(one is gone for gone in done)]

    @rule(fault=FAULTS)
    def reconcile(self, fault: Fault | None) -> None:
        """A tick; what fails of what comes of it is delivered with the next one."""
        self.clouds.strike(fault)
        self.bridge.reconcile()
        self.clouds.strike(None)
        if fault and fault.deadly:
            self.new_lambda()

    def new_lambda(self) -> None:
        """Minutes later: nothing is remembered of what was signed in to, and what a dead one held is free."""
        from bridge import azure

        azure.azure_devops.cache_clear()
        self.clouds.later_ms += 360_000
