"""Parameters in Parameter Store, and the keys of KMS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.config import Platform


def model_parameters(platform: Platform) -> str:
    """Automation: the path in Parameter Store under which each model of the platform is written down."""
    return f"/{platform.name}/models"


def callback_parameter(platform: Platform) -> str:
    """Automation: the parameter that holds its URL."""
    return f"/{platform.name}/callback-url"


def data_key_parameter(platform: Platform) -> str:
    """Each account: the parameter that holds the ARN of its key for data; disks take no alias."""
    return f"/{platform.name}/data-key"


def network_parameter(platform: Platform, noun: str) -> str:
    """Each account: the parameter that holds the id of its `vpc`, `security-group`, `subnet-1`, ..."""
    return f"/{platform.name}/network/{noun}"


def studio_parameter(platform: Platform) -> str:
    """Dev: the parameter that holds the id of Studio's domain."""
    return f"/{platform.name}/studio/domain"


def key_alias(platform: Platform, purpose: str = "data") -> str:
    """An account's KMS key for one purpose: data, images, logs or messages."""
    return f"alias/{platform.name}-{purpose}"
