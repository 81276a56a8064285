"""The variants of an endpoint: which model serves on which machines, and its share of the traffic."""

from __future__ import annotations

from typing import Any

from isthmus import names
from isthmus.deploy.deployment import Deployment


def variants(deployment: Deployment, model: str | None) -> list[dict[str, Any]]:
    """The production variants; `model` is the name of SageMaker's model."""
    variant = {"variantName": names.VARIANT, "modelName": model}
    return [variant | _machines(deployment) | {"initialVariantWeight": 1}]


def _machines(deployment: Deployment) -> dict[str, Any]:
    if deployment.kind == "serverless":
        asked = getattr(deployment.config.serverless, deployment.stage)
        sizes = {
            "memorySizeInMb": asked.memory_mb,
            "maxConcurrency": asked.max_concurrency,
            "provisionedConcurrency": asked.provisioned_concurrency,
        }
        return {"serverlessConfig": {key: value for key, value in sizes.items() if value is not None}}
    capacity = getattr(deployment.config.capacity, deployment.stage)
    # An endpoint is made with an instance; to none it is scaled afterwards.
    least = capacity.scaling.min_instances if capacity.scaling else 1
    return {
        "instanceType": capacity.instance_type,
        "initialInstanceCount": max(capacity.instance_count, least),
    }
