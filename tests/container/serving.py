"""The image's `serve` program on a model's folder, as an endpoint runs it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.container.jobs import PROGRAMS


@dataclass
class Served:
    url: str
    process: subprocess.Popen[bytes]
    seconds: float

    def ask(self, body: str | bytes, kind: str = "text/csv", accept: str = "text/csv") -> requests.Response:
        return requests.post(
            f"{self.url}/invocations", data=body, headers={"Content-Type": kind, "Accept": accept}, timeout=10
        )


@contextmanager
def serving(artifact: Path, workers: int = 1) -> Iterator[Served]:
    """The model in the folder `artifact`, served by so many processes until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "SM_MODEL_DIR": str(artifact),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers),
        "ISTHMUS_BIND_HOST": "127.0.0.1",
    }
    started = time.monotonic()
    process = subprocess.Popen([str(PROGRAMS / "serve")], env=environment)
    try:
        yield Served(f"http://127.0.0.1:{port}", process, _healthy(port, process) - started)
    finally:
        process.kill()
        process.wait()


def _healthy(port: int, process: subprocess.Popen[bytes]) -> float:
    while time.monotonic() and process.poll() is None:
        try:
            if requests.get(f"http://127.0.0.1:{port}/ping", timeout=60).ok:
                return time.monotonic()
        except requests.ConnectionError:
            time.sleep(0.02)
    raise AssertionError(f"serve ended with {process.returncode}")
