"""What a model is made of and registered as, and the tools of the team that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.config import Platform


IMAGE_REPOSITORY = "isthmus/tabular"
"""The ECR repository of the image that trains, processes and serves tabular models."""


def feature_group(platform: Platform, name: str) -> str:
    return f"{platform.name}-{name}"


def registry_group(model: str) -> str:
    """The model package group; also the SageMaker pipeline's name."""
    return model


def by_content(model: str, digest: str = "?" * 16) -> str:
    """A SageMaker model or endpoint configuration, by the hash of its content; in an ARN pattern, any."""
    return f"{model}-{digest[:16]}"


def team_resource(platform: Platform, team: str) -> str:
    """Dev: a team's MLflow and its EMR Serverless application."""
    return f"{platform.name}-{team}"


def lifecycle_config(platform: Platform, app: str, digest: str) -> str:
    """Dev: a script that Studio's apps of a kind run when they start, by the hash of its content."""
    return f"{platform.name}-{app.lower()}-{digest[:16]}"
