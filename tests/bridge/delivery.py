"""A queue that hands messages over late, often and in any order, to a bridge that dies as clouds fail."""

from __future__ import annotations

import atexit
import os
from functools import cache
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


@cache
def served() -> tuple[Clouds, str]:
    """Clouds for all examples, and their URL: a server and clients take longer to make than an example."""
    clouds = Clouds()
    server = serving(clouds)
    atexit.register(server.__exit__, None, None, None)
    return clouds, server.__enter__()


def anew(url: str) -> None:
    """As in a new Lambda, but for clients of these clouds."""
    from bridge import azure, settings, web

    if settings.settings().organization_url != f"{url}/contoso":
        forget()
    web._rest_until = 0.0
    azure.azure_devops.cache_clear()


class Delivery(RuleBasedStateMachine):
    """What a machine begins with (`begin`) and what must hold in the end (`settle`) is its own to say."""

    @initialize()
    def start(self) -> None:
        self.clouds, url = served()
        self.environment = patch.dict(os.environ, environment(url))
        self.environment.__enter__()
        clear(self.clouds)
        anew(url)
        self.bridge = Bridge(self.clouds)
        self.queue: list[dict[str, Any]] = []
        self.begin()

    def teardown(self) -> None:
        if not hasattr(self, "environment"):
            return
        try:
            self.settle()
        finally:
            self.environment.__exit__(None, None, None)

    def begin(self) -> None:
        raise NotImplementedError

    def settle(self) -> None:
        raise NotImplementedError

    @precondition(lambda self: self.queue)
    @rule(
        which=st.integers(0, 20),
        size=st.integers(1, 3),
        fault=FAULTS,
        again=st.booleans(),
        tardy=st.booleans(),
    )
    def deliver(self, which: int, size: int, fault: Fault | None, again: bool, tardy: bool) -> None:
        start = which % len(self.queue)
        batch = self.queue[start : start + size]
        self.clouds.strike(fault)
        self.clouds.tardy = tardy
        failed = {int(one) for one in self.bridge.send(*batch)}
        self.clouds.tardy = False
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
        self.clouds.pass_time(360)
