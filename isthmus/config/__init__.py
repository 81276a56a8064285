"""platform.yaml, model.yaml and deploy.yaml as typed models; their errors name file, line, key and remedy.

Nothing here talks to a cloud, and nothing knows what stands behind a URL.
"""

from isthmus.config.deploy import DeployConfig, Gates
from isthmus.config.fields import STAGES, Stage
from isthmus.config.model import ModelConfig
from isthmus.config.platform import WORKLOADS, AccountRole, Model, Platform
from isthmus.config.reading import (
    platform_path,
    read,
    read_deploy,
    read_model,
    read_platform,
)

__all__ = [
    "STAGES",
    "WORKLOADS",
    "AccountRole",
    "DeployConfig",
    "Gates",
    "Model",
    "ModelConfig",
    "Platform",
    "Stage",
    "platform_path",
    "read",
    "read_deploy",
    "read_model",
    "read_platform",
]
