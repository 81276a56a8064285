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
    """The endpoint configuration, its model, and the alarms that turn its rollout back."""

    endpoint_config: str
    model: str
    alarms: tuple[str, ...]


def wanted(assembly: Path, stack: str) -> Wanted:
    """Read the stack's template; raises `BadInput` where it has no endpoint."""
    template = find_stack(assembly, stack).template
    resources = json.loads(template.read_text())["Resources"].values()

    def of(kind: str) -> dict[str, Any]:
        for resource in resources:
            if resource["Type"] == f"AWS::SageMaker::{kind}":
                return dict(resource["Properties"])
        raise BadInput(f"stack {stack} has no endpoint", where=str(template))

    asked = of("Endpoint").get("DeploymentConfig", {})
    alarms = asked.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return Wanted(
        of("EndpointConfig")["EndpointConfigName"],
        of("Model")["ModelName"],
        tuple(alarm["AlarmName"] for alarm in alarms),
    )
