"""Latency: the 95th percentile of single-row requests, after a warm-up, stays under deploy.yaml's bound."""

from __future__ import annotations

import numpy as np

from isthmus.deploy.gates.gate import Finding, LiveEndpoint

WARM_UP = 5


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    bodies = [endpoint.csv(endpoint.holdout.iloc[[number]]) for number in range(len(endpoint.holdout))]
    count = endpoint.config.gates.requests
    answers = [endpoint.invoke(bodies[number % len(bodies)]) for number in range(WARM_UP + count)][WARM_UP:]
    failed = sum(answer.status != 200 for answer in answers)
    p95 = float(np.percentile([answer.seconds for answer in answers], 95)) * 1000
    bound = endpoint.config.gates.p95_latency_ms
    return [
        Finding("answers every request", failed == 0, f"{failed} of {count} failed"),
        Finding("p95 latency", p95 <= bound, f"{p95:.0f} ms, at most {bound:.0f} ms"),
    ]
