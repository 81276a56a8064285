"""The load under which an endpoint's latency and throughput are measured, once for all gates that ask.

Locust makes it, in a process of its own (`load_process`), because it changes what sockets are. What the
figures must be is for the gates to say.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus.errors import Problem

if TYPE_CHECKING:
    from isthmus.deploy.gates.gate import LiveEndpoint

# For each of those that ask at a time: connections are made, and the model's first calls are slow.
WARM_UP = 5
LONGEST_SECONDS = 900


@dataclass(frozen=True)
class Load:
    """What single-row requests met: milliseconds of those answered, and what was said of the others."""

    milliseconds: list[float]
    failures: list[str]
    seconds: float
    concurrency: int

    @property
    def per_second(self) -> float:
        """Predictions a second, while `concurrency` asked at a time."""
        return len(self.milliseconds) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Milliseconds that so many of a hundred stayed below; raises `Problem` where none was."""
        import numpy as np

        if not self.milliseconds:
            raise Problem(
                f"no request was answered: {self.failures[0] if self.failures else 'none was asked'}"
            )
        return float(np.percentile(self.milliseconds, share))


def measure(endpoint: LiveEndpoint) -> Load:
    """Ask as deploy.yaml says: so many requests, so many at a time, after a warm-up that does not count."""
    bounds = endpoint.config.gates
    wanted = {
        "endpoint": endpoint.name,
        "target": dict(endpoint.target),
        "region": endpoint.runtime.meta.region_name,
        "bodies": list(endpoint.bodies()),
        "requests": bounds.requests,
        "warm_up": WARM_UP * bounds.concurrency,
        "concurrency": bounds.concurrency,
    }
    found = _locust(wanted)
    return Load(found["milliseconds"], found["failures"], found["seconds"], bounds.concurrency)


def _locust(wanted: Mapping[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "isthmus.deploy.gates.load_process"],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    if done.returncode:
        raise Problem(f"the load could not be made: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
