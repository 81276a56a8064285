"""Cost: what a thousand predictions cost at the measured throughput and the price that deploy.yaml says."""

from __future__ import annotations

from isthmus.deploy.gates.gate import Finding, LiveEndpoint

NAME = "cost of a thousand predictions"


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    price, load = endpoint.config.gates.cost.price_per_hour, endpoint.load
    if price is None:
        return [
            Finding.unknown(NAME, "the price is not known; say it in deploy.yaml, gates.cost.price_per_hour")
        ]
    if load is None or not load.per_second:
        return [Finding.unknown(NAME, "the throughput was not measured")]
    instances = endpoint.config.capacity.staging
    cost = price * instances.instance_count / (load.per_second * 3600) * 1000
    most = endpoint.config.gates.cost.most_per_thousand
    bound = "no bound is set" if most is None else f"at most {most:g}"
    message = (
        f"{cost:.2g}, {bound}; {price:g} an hour for each of {instances.instance_count} "
        f"{instances.instance_type}, {load.per_second:.1f} predictions/s ({load.concurrency} at a time)"
    )
    return [Finding(NAME, most is None or cost <= most, message)]
