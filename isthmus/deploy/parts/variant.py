"""The variants of an endpoint: which model serves on which machines, and its share of the traffic."""

from __future__ import annotations

from typing import Any

from isthmus import names
from isthmus.deploy.deployment import Deployment

Variants = list[dict[str, Any]]


def variants(
    deployment: Deployment, model: str | None, champion: str | None = None
) -> tuple[Variants, Variants]:
    """The production variants and the shadows; `model` and `champion` are names of SageMaker's models."""
    alone = {"variantName": names.VARIANT, "initialVariantWeight": 1} | _machines(deployment)
    compared = deployment.compared
    if compared is None:
        return [alone | {"modelName": model}], []
    share = compared.percent / 100
    weight = 1 - share if compared.mode == "ab" else 1
    serves = alone | {"modelName": champion, "initialVariantWeight": round(weight, 2)}
    beside = alone | {
        "variantName": names.CHALLENGER,
        "modelName": model,
        "initialVariantWeight": share,
        "initialInstanceCount": compared.instances(_most(deployment)),
    }
    return ([serves, beside], []) if compared.mode == "ab" else ([serves], [beside])


def _most(deployment: Deployment) -> int:
    """How many instances the version in charge may have; the one beside it is not scaled."""
    scaling, capacity = deployment.scaling, getattr(deployment.config.capacity, deployment.stage)
    return max(int(capacity.instance_count), scaling.max_instances if scaling else 1)


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
