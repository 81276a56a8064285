"""How many requests a second the local Azure DevOps answers on one core: reads, runs queued, and changes.

python benchmarks/stand_in.py [--seconds S] [--json]

The server is kept to one core and asked by two clients at a time over kept connections. `per_core_s` counts
the core's time that it really had, so that what else the machine does is not held against it. A run's one
job has a condition that is false: what is measured is queueing, and ending, a run. Exits with 1 where an aim
(`AIMS`, of requests for each second of the core) is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import requests

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.aims import AtLeast, missed
from tests.local.azure_devops.standin import PROJECT, StandIn, running

AIMS = {
    "GET pipelines": AtLeast(1000),
    "GET repositories": AtLeast(1000),
    "POST runs": AtLeast(500),
    "PATCH environments": AtLeast(1000),
}
CLIENTS = 2
YAML = "trigger: none\njobs: [{job: never, condition: 'false', steps: [{bash: 'true'}]}]\n"
Ask = Callable[[requests.Session], requests.Response]


def measured(ask: Ask, server: psutil.Process, token: str, seconds: float) -> dict[str, float]:
    """Requests a second, as seen and for each second of the core's that the server had; milliseconds."""
    taken: list[float] = []

    def client() -> None:
        session = requests.Session()
        session.auth = ("", token)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            answer = ask(session)
            assert answer.ok, answer.text[:300]
            taken.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    started, busy = time.perf_counter(), _core_seconds(server)
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    passed, busy = time.perf_counter() - started, _core_seconds(server) - busy
    cuts = statistics.quantiles(taken, n=100)
    return {
        "per_s": round(len(taken) / passed, 1),
        "per_core_s": round(len(taken) / busy, 1),
        "p50_ms": round(cuts[49] * 1000, 2),
        "p99_ms": round(cuts[98] * 1000, 2),
    }


def _core_seconds(server: psutil.Process) -> float:
    """Of the server and of the processes that it had, such as git."""
    times = server.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def asks(stand_in: StandIn) -> dict[str, Ask]:
    """The measured requests, on a project that has what they need."""
    admin = stand_in.person("admin")
    admin.post("/_apis/projects", {"name": PROJECT, "capabilities": {}})
    admin.post("git/repositories", {"name": "code"})
    admin.commit("code", {"azure-pipelines.yml": YAML})
    number = admin.pipeline("code", "code")
    place = admin.post("distributedtask/environments", {"name": "prod", "description": ""})["id"]
    base, version = f"{stand_in.organization_url}/{PROJECT}/_apis", {"api-version": "7.1"}
    body: dict[str, Any] = {"resources": {"repositories": {"self": {"refName": "refs/heads/main"}}}}
    return {
        "GET pipelines": lambda it: it.get(f"{base}/pipelines/{number}"),
        "GET repositories": lambda it: it.get(f"{base}/git/repositories"),
        "POST runs": lambda it: it.post(f"{base}/pipelines/{number}/runs", params=version, json=body),
        "PATCH environments": lambda it: it.patch(
            f"{base}/distributedtask/environments/{place}",
            params=version,
            json={"name": "prod", "description": "changed"},
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each kind of request")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    found = figures(options.seconds)
    if options.json:
        print(json.dumps(found))
    sys.exit(missed(AIMS, {name: one["per_core_s"] for name, one in found.items()}))


def figures(seconds: float) -> dict[str, dict[str, float]]:
    """What was measured of each kind of request, printed as it comes."""
    with tempfile.TemporaryDirectory() as state, running(Path(state)) as stand_in:
        (server,) = psutil.Process(stand_in.process.pid).children()
        server.cpu_affinity([min(os.sched_getaffinity(0))])
        token = stand_in.token("admin")
        found: dict[str, dict[str, float]] = {}
        for name, ask in asks(stand_in).items():
            found[name] = measured(ask, server, token, seconds)
            one = found[name]
            core, rate = f"{one['per_core_s']:8.1f} per s of the core", f"seen {one['per_s']:.1f}/s"
            print(f"{core}; {rate}, p50 {one['p50_ms']:.1f} ms, p99 {one['p99_ms']:.1f} ms  {name}")
    return found


if __name__ == "__main__":
    main()
