"""Latency: the 95th percentile of single-row requests, after a warm-up, stays under deploy.yaml's bound."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import numpy as np

from isthmus.deploy.gates.gate import Answer, Finding, LiveEndpoint

# For each of those that ask at a time: connections are made, and the model's first calls are slow.
WARM_UP = 5


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    bounds = endpoint.config.gates
    warm_up = WARM_UP * bounds.concurrency
    answers = ask(endpoint, warm_up + bounds.requests, bounds.concurrency)[warm_up:]
    failed = [answer for answer in answers if answer.status != 200]
    seconds = [answer.seconds for answer in answers]
    half, p95 = (float(np.percentile(seconds, share)) * 1000 for share in (50, 95))
    measured = f"{p95:.0f} ms, at most {bounds.p95_latency_ms:.0f} ms; median {half:.0f} ms"
    first = f": {failed[0].status} {failed[0].text[:200]}" if failed else ""
    return [
        Finding("answers every request", not failed, f"{len(failed)} of {len(answers)} failed{first}"),
        Finding(
            "p95 latency",
            p95 <= bounds.p95_latency_ms,
            f"{measured}, {len(answers)} requests, {bounds.concurrency} at a time",
        ),
    ]


def ask(endpoint: LiveEndpoint, count: int, concurrency: int) -> list[Answer]:
    """The answers to `count` single-row requests, `concurrency` of them at a time, in the order asked."""
    bodies = list(islice(cycle(endpoint.bodies()), count))
    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(endpoint.invoke, bodies))
