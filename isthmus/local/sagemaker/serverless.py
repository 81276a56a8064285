"""A serverless variant: no process until a request comes, and none any more after a while without.

SageMaker proves once, when the endpoint is made, that the container starts; provisioned concurrency keeps it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError

if TYPE_CHECKING:
    from isthmus.local.sagemaker.serving import Server

# AWS does not say how long a container without requests is kept.
IDLE_SECONDS = 300.0


@dataclass
class Sleeper:
    """The one server of a serverless variant, started by `make` when it is needed."""

    config: Record
    make: Callable[[], Server]
    stopping: threading.Event = field(default_factory=threading.Event)
    _server: Server | None = None
    _in_flight: int = 0
    _asked: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waking: threading.Lock = field(default_factory=threading.Lock)

    @property
    def kept(self) -> bool:
        return bool(self.config.get("ProvisionedConcurrency"))

    def prove(self) -> None:
        """Start the container once; raises `NotServing` where it does not start."""
        self._wake()
        if not self.kept:
            self.sleep()

    @contextmanager
    def awake(self) -> Iterator[Server]:
        """The running server for one request; raises ThrottlingException beyond the concurrency."""
        with self._lock:
            if self._in_flight >= self.config["MaxConcurrency"]:
                raise ApiError("ThrottlingException", "Rate exceeded: the endpoint's concurrency is used up.")
            self._in_flight += 1
        try:
            yield self._wake()
        finally:
            with self._lock:
                self._in_flight -= 1
                self._asked = time.monotonic()

    def _wake(self) -> Server:
        with self._waking:
            if self._server is None:
                server = self.make()
                started = time.monotonic()
                server.start(self.stopping)
                self._server = server
                self._measure(server, time.monotonic() - started)
            return self._server

    def _measure(self, server: Server, seconds: float) -> None:
        dimensions = {"EndpointName": server.endpoint, "VariantName": server.variant}
        values = {"ModelSetupTime": seconds * 1e6}
        server.here.cloud.measure(server.account, server.region, "AWS/SageMaker", dimensions, values)

    def rest(self) -> None:
        """Go to sleep where nothing was asked for long enough."""
        with self._lock:
            idle = not self._in_flight and time.monotonic() - self._asked > IDLE_SECONDS
        if idle and not self.kept:
            self.sleep()

    def sleep(self) -> None:
        """Stop the process, if there is one."""
        with self._waking:
            server, self._server = self._server, None
        if server is not None:
            server.stop()

    def stop(self) -> None:
        self.stopping.set()
        self.sleep()
