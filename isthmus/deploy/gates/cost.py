"""Cost: what a thousand predictions cost, one row a request, at the measured load and the price that
deploy.yaml says.

Instances are paid by the hour, a serverless endpoint by its memory for as long as it works on a request
(SageMaker's pricing page, "Serverless Inference"). What answers by files is not measured, and what is
shared has no price of its own: no cost is known.
"""

from __future__ import annotations

import statistics

from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.load import Load

NAME = "cost of a thousand predictions"
_UNKNOWN: dict[str, str] = {
    "shared": "what a part of a shared endpoint costs is not known",
    **{
        one: f"how fast the kind {one} answers is not measured: it answers by files"
        for one in ("async", "batch")
    },
}
KEYS = {"realtime": "price_per_hour", "serverless": "price_per_gb_second"}


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    kind, bounds = endpoint.config.endpoint, endpoint.config.gates.cost
    if kind not in KEYS:
        return [Finding.unknown(NAME, _UNKNOWN[kind])]
    price: float | None = getattr(bounds, KEYS[kind])
    if price is None:
        return [
            Finding.unknown(NAME, f"the price is not known; say it in deploy.yaml, gates.cost.{KEYS[kind]}")
        ]
    load = endpoint.load
    if load is None or not load.milliseconds:
        return [Finding.unknown(NAME, "no request was answered under load")]
    priced = by_memory if kind == "serverless" else by_the_hour
    cost, how = priced(endpoint, load, price)
    most = bounds.most_per_thousand
    bound = "no bound is set" if most is None else f"at most {most:g}"
    return [Finding(NAME, most is None or cost <= most, f"{cost:.2g}, {bound}; {how}")]


def by_the_hour(endpoint: LiveEndpoint, load: Load, price: float) -> tuple[float, str]:
    """What a thousand cost where instances are paid, busy as they were under load; and in words."""
    instances = endpoint.config.capacity.staging
    cost = price * instances.instance_count / (load.per_second * 3600) * 1000
    return cost, (
        f"{price:g} an hour for each of {instances.instance_count} {instances.instance_type}, "
        f"{load.per_second:.1f} predictions/s ({load.concurrency} at a time)"
    )


def by_memory(endpoint: LiveEndpoint, load: Load, price: float) -> tuple[float, str]:
    """What a thousand cost where memory is paid for the time of a request; the way there counts as such."""
    said = endpoint.config.serverless.staging
    mean = statistics.fmean(load.milliseconds)
    # A thousand times so many milliseconds are as many seconds.
    cost = price * said.memory_mb / 1024 * mean
    warm = "; provisioned concurrency comes on top" if said.provisioned_concurrency else ""
    return cost, f"{price:g} a GB-second, {said.memory_mb} MB for {mean:.0f} ms a request on average{warm}"
