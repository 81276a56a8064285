"""deploy.yaml: how a model version serves, what it must pass, and how it is watched.

Each of its sections is described in a file of its own, beside this one.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from isthmus.config.alarms import Alarms
from isthmus.config.asynchronous import Asynchronous
from isthmus.config.batch import Batch
from isthmus.config.capacity import Capacities
from isthmus.config.compare import Compare
from isthmus.config.compare import refusals as uncomparable
from isthmus.config.fields import Misfit, ModelName, Strict
from isthmus.config.gates import Gates
from isthmus.config.kinds import Kind, refusals
from isthmus.config.monitoring import Monitoring
from isthmus.config.rollout import Rollouts, refusal
from isthmus.config.serverless import ServerlessStages
from isthmus.config.stages import STAGES


class DeployConfig(Strict):
    """deploy.yaml: how a model version serves, what it must pass, and how it is watched."""

    model: ModelName
    endpoint: Kind = "realtime"
    capacity: Capacities = Capacities()
    rollout: Rollouts = Rollouts()
    compare: Compare | None = Field(
        default=None, description="Put a version beside the one in prod first; in its place, if left out."
    )
    serverless: ServerlessStages = ServerlessStages()
    asynchronous: Asynchronous = Asynchronous()
    batch: Batch = Batch()
    capture_percent: int = Field(default=100, ge=0, le=100)
    gates: Gates = Gates()
    monitoring: Monitoring = Monitoring()
    alarms: Alarms = Alarms()

    @model_validator(mode="after")
    def _can_be(self) -> DeployConfig:
        for key, why in [*refusals(self), *uncomparable(self)]:
            raise Misfit(why, *key.split("."))
        for stage in STAGES:
            instances = getattr(self.capacity, stage).instance_count
            if reason := refusal(getattr(self.rollout, stage), instances):
                raise Misfit(reason, "rollout", stage)
        return self

    @property
    def watched(self) -> bool:
        """Whether a monitor looks at what is asked: it reads what was captured."""
        return self.endpoint != "serverless"

    @property
    def captured_percent(self) -> int:
        """How many of a hundred requests are written down: none where SageMaker cannot."""
        return 0 if self.endpoint == "serverless" else self.capture_percent
