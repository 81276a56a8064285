"""What costs money in the serving accounts and serves nobody: endpoints, and what no endpoint uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from isthmus.config import STAGES, Platform, Stage
from isthmus.operate.accounts import Accounts
from isthmus.serving import batch_model

HOURS_A_MONTH = 730
# CloudWatch sums by the day.
DAY = 86_400
# What an asynchronous endpoint publishes of its requests, as a whole: it has no `Invocations`.
# https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
QUEUED = ("InvocationsProcessed", "InvocationFailures", "ApproximateBacklogSize")
Kind = Literal["endpoint", "inference component", "endpoint configuration", "model"]
NOT_USED = {"EndpointConfig": "no endpoint uses it", "Model": "no endpoint and no batch pipeline uses it"}
KINDS: dict[str, Kind] = {"EndpointConfig": "endpoint configuration", "Model": "model"}


@dataclass(frozen=True)
class Idle:
    """Something that could go. `monthly` is None where platform.yaml does not say what an hour of it costs.

    An endpoint costs by the hour, but for serverless ones; a configuration and a model cost nothing, and an
    inference component the room that others could have of its endpoint.
    """

    stage: Stage
    kind: Kind
    name: str
    made: str
    why: str
    machines: str = ""
    monthly: float | None = None


def idle(accounts: Accounts, days: int) -> list[Idle]:
    """What serves nobody, stage by stage; endpoints first."""
    return [one for stage in STAGES for one in _of_stage(accounts, stage, days)]


def _of_stage(accounts: Accounts, stage: Stage, days: int) -> Iterator[Idle]:
    sagemaker, cloudwatch = (accounts.client(stage, service) for service in ("sagemaker", "cloudwatch"))
    listed = sagemaker.get_paginator("list_endpoints").paginate()
    endpoints = [
        sagemaker.describe_endpoint(EndpointName=one["EndpointName"])
        for page in listed
        for one in page["Endpoints"]
    ]
    configs = {one["EndpointConfigName"] for one in endpoints if "EndpointConfigName" in one}
    components = _components(sagemaker)
    for endpoint in endpoints:
        if why := _why(cloudwatch, endpoint, components, days):
            yield _endpoint(accounts.platform, sagemaker, stage, endpoint, why)
    for one in components:
        name = one["InferenceComponentName"]
        if not _sum(cloudwatch, "Invocations", days, InferenceComponentName=name):
            made, on = one["CreationTime"].isoformat(), one["EndpointName"]
            why = f"asked nothing for {days} days; it has a part of {on}"
            yield Idle(stage, "inference component", name, made, why, monthly=0.0)
    serving = {one.get("Specification", {}).get("ModelName", "") for one in components}
    yield from _unused(accounts.platform, sagemaker, stage, configs, serving)


def _components(sagemaker: Any) -> list[Mapping[str, Any]]:
    pages = sagemaker.get_paginator("list_inference_components").paginate()
    return [
        sagemaker.describe_inference_component(InferenceComponentName=one["InferenceComponentName"])
        for page in pages
        for one in page["InferenceComponents"]
    ]


def _why(
    cloudwatch: Any, endpoint: Mapping[str, Any], components: Sequence[Mapping[str, Any]], days: int
) -> str:
    """Why an endpoint serves nobody; empty where it was asked, or where waiting costs nothing."""
    if endpoint["EndpointStatus"] == "Failed":
        return f"failed: {endpoint.get('FailureReason', 'no reason was given')}"
    variants = endpoint.get("ProductionVariants", [])
    if all("CurrentServerlessConfig" in one for one in variants):
        return ""
    name = endpoint["EndpointName"]
    if "AsyncInferenceConfig" in endpoint:
        asked = any(_sum(cloudwatch, metric, days, EndpointName=name) for metric in QUEUED)
    elif behind := [one["InferenceComponentName"] for one in components if one["EndpointName"] == name]:
        asked = any(_sum(cloudwatch, "Invocations", days, InferenceComponentName=one) for one in behind)
    else:
        each = (one["VariantName"] for one in variants)
        asked = any(_sum(cloudwatch, "Invocations", days, EndpointName=name, VariantName=one) for one in each)
    return "" if asked else f"asked nothing for {days} days"


def _sum(cloudwatch: Any, metric: str, days: int, **dimensions: str) -> float:
    now = datetime.now(UTC)
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(days=days),
        EndTime=now + timedelta(minutes=1),
        Period=DAY,
        Statistics=["Sum"],
    )
    return float(sum(one["Sum"] for one in found["Datapoints"]))


def _endpoint(
    platform: Platform, sagemaker: Any, stage: Stage, endpoint: Mapping[str, Any], why: str
) -> Idle:
    types = _instance_types(sagemaker, endpoint.get("EndpointConfigName", ""))
    variants = [*endpoint.get("ProductionVariants", []), *endpoint.get("ShadowProductionVariants", [])]
    machines = [
        (one.get("CurrentInstanceCount", 0), types[one["VariantName"]])
        for one in variants
        if one["VariantName"] in types
    ]
    known = machines and all(type_ in platform.prices for _, type_ in machines)
    hourly = sum(count * platform.prices.get(type_, 0.0) for count, type_ in machines)
    return Idle(
        stage,
        "endpoint",
        endpoint["EndpointName"],
        endpoint["CreationTime"].isoformat(),
        why,
        ", ".join(f"{count} × {type_}" for count, type_ in machines),
        round(hourly * HOURS_A_MONTH, 2) if known else None,
    )


def _instance_types(sagemaker: Any, config: str) -> dict[str, str]:
    """The type of each variant's machines, as far as it may be seen."""
    variants = _variants(sagemaker, config)
    return {one["VariantName"]: one["InstanceType"] for one in variants if "InstanceType" in one}


def _variants(sagemaker: Any, config: str) -> list[dict[str, Any]]:
    """Of a configuration; none where it is gone, or is not the platform's and may not be seen."""
    try:
        found = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    except sagemaker.exceptions.ClientError:
        return []
    return [*found["ProductionVariants"], *found.get("ShadowProductionVariants", [])]


def _unused(
    platform: Platform, sagemaker: Any, stage: Stage, used: set[str], serving: set[str]
) -> Iterator[Idle]:
    """Configurations and models of the platform that serve by nothing; others' are theirs to judge."""
    ours = re.compile("|".join(f"{re.escape(one.name)}-[0-9a-f]{{16}}" for one in platform.models))
    variants = [one for config in used for one in _variants(sagemaker, config)]
    needed = serving | {one["ModelName"] for one in variants if "ModelName" in one}
    needed |= {batch_model(sagemaker, one.name) for one in platform.models}
    for noun, listing, keep in (
        ("EndpointConfig", "list_endpoint_configs", used),
        ("Model", "list_models", needed),
    ):
        for page in sagemaker.get_paginator(listing).paginate():
            for one in page[f"{noun}s"]:
                name, made = one[f"{noun}Name"], one["CreationTime"].isoformat()
                if ours.fullmatch(name) and name not in keep:
                    yield Idle(stage, KINDS[noun], name, made, NOT_USED[noun], monthly=0.0)
