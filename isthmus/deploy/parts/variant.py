"""The variants of an endpoint: which model serves on which machines, and its share of the traffic."""

from __future__ import annotations

from typing import Any

from isthmus import names
from isthmus.deploy.deployment import Deployment


def variants(deployment: Deployment, model: str | None) -> list[dict[str, Any]]:
    """The production variants; `model` is the name of SageMaker's model."""
    capacity = getattr(deployment.config.capacity, deployment.stage)
    return [
        {
            "variantName": names.VARIANT,
            "modelName": model,
            "instanceType": capacity.instance_type,
            "initialInstanceCount": capacity.instance_count,
            "initialVariantWeight": 1,
        }
    ]
