"""platform.yaml, model.yaml and deploy.yaml as typed models; their errors name file, line, key and remedy.

Nothing here talks to a cloud, and nothing knows what stands behind a URL. What reads and checks the files is
imported when it is first asked for: a command's help needs the names of the stages and no more.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from isthmus.config.stages import STAGES, WORKLOADS, AccountRole, Stage

if TYPE_CHECKING:
    from isthmus.config.api import Api
    from isthmus.config.deploy import DeployConfig
    from isthmus.config.gates import Gates
    from isthmus.config.model import ModelConfig
    from isthmus.config.organization import Organization
    from isthmus.config.platform import Landing, Model, Platform
    from isthmus.config.reading import platform_path, read, read_deploy, read_model, read_platform
    from isthmus.config.studio import Studio, Team

__all__ = [
    "STAGES",
    "WORKLOADS",
    "AccountRole",
    "Api",
    "DeployConfig",
    "Gates",
    "Landing",
    "Model",
    "ModelConfig",
    "Organization",
    "Platform",
    "Stage",
    "Studio",
    "Team",
    "platform_path",
    "read",
    "read_deploy",
    "read_model",
    "read_platform",
]

_WHERE = {
    "api": ("Api",),
    "deploy": ("DeployConfig",),
    "gates": ("Gates",),
    "model": ("ModelConfig",),
    "organization": ("Organization",),
    "platform": ("Landing", "Model", "Platform"),
    "reading": ("platform_path", "read", "read_deploy", "read_model", "read_platform"),
    "studio": ("Studio", "Team"),
}


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(importlib.import_module(f"isthmus.config.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
