"""Latency and throughput of single rows under load, within deploy.yaml's bounds."""

from __future__ import annotations

from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.load import Load
from isthmus.deploy.gates.plots import histogram


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    load = endpoint.load
    if load is None:
        return [
            Finding.unknown("p95 latency", f"an endpoint of the kind {endpoint.config.endpoint} has none")
        ]
    return [answers_all(load), p95(load, endpoint), throughput(load, endpoint)]


def answers_all(load: Load) -> Finding:
    first = f": {load.failures[0]}" if load.failures else ""
    asked = len(load.failures) + len(load.milliseconds)
    return Finding(
        "answers every request", not load.failures, f"{len(load.failures)} of {asked} failed{first}"
    )


def p95(load: Load, endpoint: LiveEndpoint) -> Finding:
    most = endpoint.config.gates.p95_latency_ms
    half, found, worst = (load.percentile(share) for share in (50, 95, 99))
    message = (
        f"{found:.0f} ms, at most {most:.0f} ms; median {half:.0f} ms, 99th percentile {worst:.0f} ms; "
        f"{len(load.milliseconds)} requests, {load.concurrency} at a time"
    )
    marks = {"median": half, "95th percentile": found, "bound": most}
    plot = histogram(load.milliseconds, marks, "milliseconds of a request")
    return Finding("p95 latency", found <= most, message, plot)


def throughput(load: Load, endpoint: LiveEndpoint) -> Finding:
    least = endpoint.config.gates.predictions_per_s
    bound = "no bound is set" if least is None else f"at least {least:g}"
    message = f"{load.per_second:.1f} predictions/s, {load.concurrency} at a time; {bound}"
    return Finding("throughput", least is None or load.per_second >= least, message)
