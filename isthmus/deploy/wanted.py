"""What an endpoint shall run, as the template of its stack says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.errors import BadInput
from isthmus.infra.manifest import find_stack
from isthmus.serving import size


@dataclass(frozen=True)
class Wanted:
    """The endpoint and its configuration, and how its rollout goes: SageMaker's DeploymentConfig.

    A batch transform has no endpoint: its configuration is SageMaker's model. So is that of an inference
    `component`, whose properties are those of UpdateInferenceComponent.
    """

    endpoint: str
    endpoint_config: str
    deployment: dict[str, Any]
    component: dict[str, Any] = field(default_factory=dict)
    # Whether something else than a deployment changes how many instances or copies there are.
    scales: bool = False

    @property
    def alarms(self) -> list[str]:
        """The names of those that turn the rollout back."""
        listed = self.deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        return [alarm["AlarmName"] for alarm in listed]

    @property
    def size(self) -> str:
        """What a component, or each of its copies that scale, shall have of its endpoint; empty for none."""
        if not self.component:
            return ""
        part, how_many = self.component["Specification"], self.component.get("RuntimeConfig")
        return size(part, how_many["CopyCount"] if how_many else None)


def wanted(assembly: Path, stack: str) -> Wanted:
    """Read the stack's template; raises `BadInput` where it has neither endpoint nor model."""
    template = find_stack(assembly, stack).template
    resources = json.loads(template.read_text())["Resources"].values()

    def of(kind: str, service: str = "SageMaker") -> dict[str, Any]:
        found = (one for one in resources if one["Type"] == f"AWS::{service}::{kind}")
        return dict(next(found, {"Properties": {}})["Properties"])

    endpoint, model = of("Endpoint"), of("Model")
    if not model:
        raise BadInput(f"stack {stack} has no model", where=str(template))
    scales = bool(of("ScalableTarget", "ApplicationAutoScaling"))
    if component := of("InferenceComponent"):
        return _of_component(component, model["ModelName"], scales)
    if not endpoint:
        return Wanted("", model["ModelName"], {})
    config = of("EndpointConfig")["EndpointConfigName"]
    return Wanted(endpoint["EndpointName"], config, endpoint.get("DeploymentConfig", {}), scales=scales)


def _of_component(properties: dict[str, Any], model: str, scales: bool) -> Wanted:
    """The template names SageMaker's model by reference."""
    names = ("InferenceComponentName", "RuntimeConfig", "Specification")
    component = {name: properties[name] for name in names if name in properties}
    component["Specification"] |= {"ModelName": model}
    rollout = properties.get("DeploymentConfig", {})
    return Wanted(properties["EndpointName"], model, rollout, component, scales)
