"""deploy.yaml, `endpoint`: the ways to serve, and what SageMaker cannot do in each.

A refusal names the key that asks for it. Documents: SageMaker's developer guide, "Serverless Inference"
(feature exclusions), "Asynchronous inference", "Automatic scaling", "Inference components".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from isthmus.config.stages import STAGES

if TYPE_CHECKING:
    from isthmus.config.deploy import DeployConfig

Kind = Literal["realtime", "serverless", "async", "batch", "shared"]
KINDS: tuple[Kind, ...] = ("realtime", "serverless", "async", "batch", "shared")
# The section of each kind; the others are an error beside it.
SECTIONS = {"serverless": "serverless", "asynchronous": "async", "batch": "batch", "shared": "shared"}
UNCAPTURED: tuple[Kind, ...] = ("serverless", "shared")
"""Of these SageMaker writes down nothing; of the second, AWS's documents do not say that it does."""


def refusals(config: DeployConfig) -> Iterator[tuple[str, str]]:
    """Each key that cannot be, and why."""
    given, kind = config.model_fields_set, config.endpoint
    for section, needed in SECTIONS.items():
        if section in given and kind != needed:
            yield section, f"it is for endpoint: {needed}, and this one is {kind}"
    if config.gates.cost.price_per_gb_second and kind != "serverless":
        yield "gates.cost.price_per_gb_second", f"it is for endpoint: serverless, and this one is {kind}"
    if kind == "serverless":
        yield from _serverless(config)
    elif kind == "shared":
        yield from _shared(config)
    else:
        yield from _scaled(config)
    if config.monitoring.engine == "model-monitor":
        yield from _of_the_service(config)
    if kind == "batch" and not (config.batch.schedule or config.batch.on_arrival):
        yield "batch", "nothing would ever start it: set schedule, or on_arrival: true"
    if kind == "batch" and "rollout" in given:
        yield "rollout", "a batch transform has no endpoint whose traffic could be moved"
    if kind == "batch" and "alarms" in given:
        yield "alarms", "a batch transform has no endpoint; that a run failed is told without an alarm"
    if kind == "batch" and 0 < config.capture_percent < 100:
        yield "capture_percent", "a batch transform captures all or nothing: 100 or 0"


def _serverless(config: DeployConfig) -> Iterator[tuple[str, str]]:
    given = config.model_fields_set
    if "rollout" in given:
        yield "rollout", "SageMaker moves all traffic of a serverless endpoint at once: leave it out"
    if "capacity" in given:
        yield "capacity", "a serverless endpoint has no instances: say serverless.<stage> instead"
    if config.gates.cost.price_per_hour:
        yield "gates.cost.price_per_hour", "a serverless endpoint has no instances: say price_per_gb_second"
    yield from _uncaptured(config, "a serverless endpoint")


def _uncaptured(config: DeployConfig, what: str) -> Iterator[tuple[str, str]]:
    given = config.model_fields_set
    if "capture_percent" in given and config.capture_percent:
        yield "capture_percent", f"SageMaker captures nothing of {what}: leave it out"
    if "monitoring" in given:
        yield (
            "monitoring",
            f"monitors read what was captured, and of {what} nothing is: leave it out; "
            "its alarms watch errors and latency",
        )


def _of_the_service(config: DeployConfig) -> Iterator[tuple[str, str]]:
    """What SageMaker Model Monitor cannot watch, or not as Isthmus asks for it."""
    if config.endpoint != "realtime":
        yield (
            "monitoring.engine",
            f"it is for endpoint: realtime, and this one is {config.endpoint}",
        )
    if config.compare:
        yield "compare", "Model Monitor takes an endpoint as a whole: it would judge both versions as one"
    if not config.capture_percent:
        yield "capture_percent", "Model Monitor reads what was captured, and nothing would be: leave it out"


def _shared(config: DeployConfig) -> Iterator[tuple[str, str]]:
    if config.shared is None:
        yield "endpoint", "say which one it shares: shared.endpoint, one of platform.yaml's shared_endpoints"
    if "capacity" in config.model_fields_set:
        yield (
            "capacity",
            "the instances are the shared endpoint's (platform.yaml, shared_endpoints): say shared.<stage>",
        )
    if config.gates.cost.price_per_hour:
        yield "gates.cost.price_per_hour", "what a part of a shared endpoint costs an hour is not known"
    yield from _uncaptured(config, "a shared endpoint")


def _scaled(config: DeployConfig) -> Iterator[tuple[str, str]]:
    for stage in STAGES:
        scaling, key = getattr(config.capacity, stage).scaling, f"capacity.{stage}.scaling"
        if scaling is None:
            continue
        if config.endpoint == "batch":
            yield key, "a batch transform has the instances of instance_count, for as long as it runs"
        elif config.endpoint == "async":
            if scaling.invocations_per_instance:
                yield f"{key}.invocations_per_instance", "an asynchronous endpoint scales by its queue"
        else:
            if not scaling.min_instances:
                yield f"{key}.min_instances", "only asynchronous endpoints scale to 0"
            if scaling.backlog_per_instance:
                yield f"{key}.backlog_per_instance", "a realtime endpoint has no queue"
            if not scaling.invocations_per_instance:
                yield key, "say invocations_per_instance: how many requests a minute one should get"
