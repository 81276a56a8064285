"""The monitor's step as SageMaker runs it: a process with folders under /opt/ml; only CloudWatch is ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def cloudwatch() -> Iterator[tuple[str, list[bytes]]]:
    """An endpoint that takes what is put to it, and what it was given."""
    taken: list[bytes] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Takes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()


def artifact(folder: Path, inference: str, target: str) -> None:
    """A model's artifact, whose code is `inference`."""
    code = folder / "made" / "code" / "serving"
    code.mkdir(parents=True)
    (code / "__init__.py").touch()
    (code / "inference.py").write_text(inference)
    (folder / "made" / "metadata.json").write_text(json.dumps({"target": target, "missing": []}))
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        tar.add(folder / "made", ".")


def run(opt_ml: Path, url: str, *words: str, **more: str) -> str:
    """Run the step; `more` is of its environment."""
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "ISTHMUS_OPT_ML": str(opt_ml),
        "MODEL": "rain",
        "STAGE": "prod",
        "ENDPOINT": "rain-async",
        "VERSION": "7",
    } | more
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin" / "process"), "-m", "isthmus.monitor.step", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
