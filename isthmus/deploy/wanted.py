"""What an endpoint shall run, as the template of its stack says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.errors import BadInput
from isthmus.infra.manifest import find_stack


@dataclass(frozen=True)
class Wanted:
    """The endpoint and its configuration, and how its rollout goes: SageMaker's DeploymentConfig.

    A batch transform has no endpoint: its configuration is SageMaker's model.
    """

    endpoint: str
    endpoint_config: str
    deployment: dict[str, Any]

    @property
    def alarms(self) -> list[str]:
        """The names of those that turn the rollout back."""
        listed = self.deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        return [alarm["AlarmName"] for alarm in listed]


def wanted(assembly: Path, stack: str) -> Wanted:
    """Read the stack's template; raises `BadInput` where it has neither endpoint nor model."""
    template = find_stack(assembly, stack).template
    resources = json.loads(template.read_text())["Resources"].values()

    def of(kind: str) -> dict[str, Any]:
        found = (one for one in resources if one["Type"] == f"AWS::SageMaker::{kind}")
        return dict(next(found, {"Properties": {}})["Properties"])

    endpoint, model = of("Endpoint"), of("Model")
    if not model:
        raise BadInput(f"stack {stack} has no model", where=str(template))
    if not endpoint:
        return Wanted("", model["ModelName"], {})
    config = of("EndpointConfig")["EndpointConfigName"]
    return Wanted(endpoint["EndpointName"], config, endpoint.get("DeploymentConfig", {}))
