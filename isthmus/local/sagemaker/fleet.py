"""The processes behind an endpoint: one for each variant, and which of them a request goes to."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import capture
from isthmus.local.sagemaker.serverless import Sleeper
from isthmus.local.sagemaker.serving import NotServing, Server
from isthmus.local.sagemaker.shadow import Shadow

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker


@dataclass
class Fleet:
    """The servers of one endpoint configuration, as deployed: `plan` says all that starting them needs."""

    here: SageMaker
    account: str
    region: str
    endpoint: str
    plan: Record
    servers: dict[str, Server] = field(default_factory=dict)
    ready: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    recorder: capture.Recorder | None = None
    shadow: Shadow | None = None

    def __post_init__(self) -> None:
        self.sleepers: dict[str, Sleeper] = {}
        self._in_flight = 0
        self._idle = threading.Condition()

    def start(self) -> None:
        """Start every variant side by side; raises `NotServing` and leaves nothing behind."""
        failures: list[str] = []
        threads = [
            threading.Thread(target=self._start_one, args=(variant, failures), daemon=True)
            for variant in [*self.plan["Variants"], *self._shadows]
            if "Image" in variant
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            self.stop()
            raise NotServing(failures[0])
        settings = self.plan.get("Capture")
        if settings and settings.get("EnableCapture", True):
            role = next((server.role for server in self.servers.values()), None)
            if role is not None:
                self.recorder = capture.Recorder(settings, self.endpoint, self.here.cloud.objects(role))
        self.ready.set()

    @property
    def _shadows(self) -> list[Record]:
        """SageMaker takes one at most."""
        shadows: list[Record] = self.plan.get("Shadows", [])
        return shadows

    def _start_one(self, variant: Record, failures: list[str]) -> None:
        try:
            if variant in self._shadows:
                self._start_shadow(variant)
            elif "ServerlessConfig" in variant:
                sleeper = Sleeper(variant["ServerlessConfig"], lambda: self._server(variant), self.stopping)
                self.sleepers[variant["VariantName"]] = sleeper
                sleeper.prove()
            else:
                server = self.servers[variant["VariantName"]] = self._server(variant)
                server.start(self.stopping)
        except NotServing as error:
            failures.append(str(error))
        except Exception as error:  # noqa: BLE001 - the endpoint must show why, whatever it was
            failures.append(f"{type(error).__name__}: {error}")

    def _start_shadow(self, variant: Record) -> None:
        server, (beside,) = self._server(variant), self.plan["Variants"]
        weight, of = (one.get("InitialVariantWeight", 1.0) for one in (variant, beside))
        self.shadow = Shadow(server, weight / of if of else 0.0)
        server.start(self.stopping)

    def _server(self, variant: Record) -> Server:
        folder = self.here.job_folder(f"endpoint/{self.endpoint}")
        return Server(self.here, self.account, self.region, self.endpoint, variant, folder)

    @contextmanager
    def serving(self, target: str | None) -> Iterator[Server]:
        """A server for one request: the named variant, or one by weight."""
        with self._idle:
            self._in_flight += 1
        try:
            # A serverless endpoint has one variant.
            sleeper = next(iter(self.sleepers.values()), None)
            with sleeper.awake() if sleeper else nullcontext(self._choose(target)) as server:
                yield server
        finally:
            with self._idle:
                self._in_flight -= 1
                self._idle.notify_all()

    def _choose(self, target: str | None) -> Server:
        if target is not None:
            if target not in self.servers:
                raise ApiError("ValidationError", f"Variant {target} of endpoint {self.endpoint} not found.")
            return self.servers[target]
        servers = list(self.servers.values())
        weights = [server.plan.get("InitialVariantWeight", 1.0) for server in servers]
        if len(servers) == 1 or not any(weights):
            return servers[0]
        return random.choices(servers, weights)[0]  # noqa: S311

    def retire(self, timeout: float = 10.0) -> None:
        """Stop when the requests that are on their way have been answered."""
        with self._idle:
            self._idle.wait_for(lambda: self._in_flight == 0, timeout)
        self.stop()

    def stop(self) -> None:
        """Stop the processes, and write what was captured."""
        self.stopping.set()
        if self.shadow is not None:
            self.shadow.stop()
        if self.recorder is not None:
            self.recorder.close()
        for sleeper in self.sleepers.values():
            sleeper.stop()
        for server in self.servers.values():
            server.stop()
