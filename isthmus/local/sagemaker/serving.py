"""The process behind a variant of an endpoint: its `serve` program, with its model in /opt/ml/model."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from isthmus import names
from isthmus.container.archive import unpack
from isthmus.errors import BadInput
from isthmus.executor.job import clear
from isthmus.executor.objects import StoreError, split_uri
from isthmus.executor.program import NoProgram, Program, image_environment
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import networking
from isthmus.local.sagemaker.cloud import Caller

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker

STARTUP_SECONDS = 120.0
INVOCATION_SECONDS = 60.0
# The pauses between two looks at a starting container: short at first, then a tenth of a second.
_PAUSES = (0.02, 0.03, 0.05)


class NotServing(Exception):
    """Why a variant does not serve: the endpoint's FailureReason."""


@dataclass
class Server:
    """One variant's process, or one inference component's."""

    here: SageMaker
    account: str
    region: str
    endpoint: str
    plan: Record
    folder: Path
    last_lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.variant: str = self.plan["VariantName"]
        self.stream = f"{self.variant}/i-{uuid.uuid4().hex[:17]}"
        self.component: str = self.plan.get("Component", "")
        named = names.component_log(self.component) if self.component else ""
        self.group = named or names.endpoint_log(self.endpoint)
        self.port = 0
        self.role: Caller | None = None
        self.program: Program | None = None

    def start(self, stop: threading.Event) -> None:
        """Download the model, start the program and wait until /ping says 200; raises `NotServing`."""
        try:
            self.role = self.here.cloud.assume(self.plan["Role"], self.region, "SageMaker")
            self.here.cloud.require_image(self.role, self.plan["Image"])
            self._download(self.role)
        except (ApiError, StoreError) as error:
            raise NotServing(str(error)) from None
        self.port = _free_port()
        self.program = Program(
            ["serve"],
            self._environment(self.role),
            self.folder / "ml",
            self._log,
            self.here.isolation,
            grace=2.0,
        )
        try:
            self.program.start()
        except NoProgram as error:
            raise NotServing(
                f"The primary container for production variant {self.variant}: {error}"
            ) from None
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=16, retries=False)
        self._wait_until_healthy(stop)

    def _download(self, role: Caller) -> None:
        model = self.folder / "ml" / "model"
        model.mkdir(parents=True, exist_ok=True)
        url = self.plan.get("ModelDataUrl")
        if not url:
            return
        archive = self.folder / "model.tar.gz"
        try:
            self.here.cloud.objects(role).download(*split_uri(url), archive)
        except StoreError as error:
            raise StoreError(
                f"Could not access model data at {url}. Please ensure that the role {self.plan['Role']!r} "
                f"exists and that its policies allow s3:GetObject on it: {error}"
            ) from None
        try:
            unpack(archive, model)
        except BadInput as problem:
            raise StoreError(f"Could not extract model data at {url}: {problem.what}") from None
        archive.unlink()

    def _environment(self, role: Caller) -> Mapping[str, str]:
        return {
            **image_environment(self.folder / "tmp"),
            **networking.environment(self.here.environment, role, self.plan.get("Isolated", False)),
            "SM_MODEL_DIR": "/opt/ml/model",
            # Many endpoints share this machine's cores; in the cloud each has its own.
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            **self.plan.get("Environment", {}),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "ISTHMUS_BIND_HOST": "127.0.0.1",
        }

    def _wait_until_healthy(self, stop: threading.Event) -> None:
        limit = self.plan.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS)
        deadline, tries = time.monotonic() + limit, 0
        while time.monotonic() < deadline and self.program and not self.program.ended:
            if self._healthy():
                return
            if stop.wait(_PAUSES[tries] if tries < len(_PAUSES) else 0.1):
                raise NotServing("The endpoint was deleted while it was created.")
            tries += 1
        if self.program is not None and self.program.ended:
            # All that it said is to be told.
            self.program.wait()
        said = " ".join(line.strip() for line in self.last_lines[-3:])
        raise NotServing(
            f"The primary container for production variant {self.variant} did not pass the ping health "
            f"check. Please check CloudWatch logs for this endpoint. The last it said: {said}"
        )

    def _healthy(self) -> bool:
        try:
            return self.pool.request("GET", "/ping", timeout=2.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _log(self, lines: list[str]) -> None:
        self.last_lines = [*self.last_lines, *lines][-20:]
        if self.role is not None:
            self.here.cloud.log(self.role, self.group, self.stream, lines)

    def acting(self) -> Caller:
        """The model's role, as which SageMaker reads and writes for it."""
        if self.role is None:
            raise NotServing(f"Variant {self.variant} was not started.")
        return self.role

    def stop(self) -> None:
        if self.program is not None:
            self.program.stop()
            self.program.wait()
        clear(self.folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
