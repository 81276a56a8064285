"""deploy.yaml: how a model version serves, what it must pass, and how it is watched.

Each of its sections is described in a file of its own, beside this one.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from isthmus.config.alarms import Alarms
from isthmus.config.capacity import Capacities
from isthmus.config.fields import ModelName, Strict
from isthmus.config.gates import Gates
from isthmus.config.monitoring import Monitoring
from isthmus.config.rollout import Rollouts, refusal
from isthmus.config.stages import STAGES


class DeployConfig(Strict):
    """deploy.yaml: how a model version serves, what it must pass, and how it is watched."""

    model: ModelName
    endpoint: Literal["realtime"] = "realtime"
    capacity: Capacities = Capacities()
    rollout: Rollouts = Rollouts()
    capture_percent: int = Field(default=100, ge=0, le=100)
    gates: Gates = Gates()
    monitoring: Monitoring = Monitoring()
    alarms: Alarms = Alarms()

    @model_validator(mode="after")
    def _fleets_can_be_rolled_out(self) -> DeployConfig:
        for stage in STAGES:
            instances = getattr(self.capacity, stage).instance_count
            if reason := refusal(getattr(self.rollout, stage), instances):
                raise ValueError(f"rollout.{stage}: {reason}")
        return self
