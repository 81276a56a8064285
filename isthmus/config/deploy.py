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
from isthmus.config.kinds import UNCAPTURED, Kind, refusals
from isthmus.config.monitoring import Monitoring
from isthmus.config.rollout import Rollouts, misplaced, refusal
from isthmus.config.serverless import ServerlessStages
from isthmus.config.shared import Shared
from isthmus.config.stages import STAGES, Stage


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
    shared: Shared | None = Field(default=None, description="Of endpoint: shared, which one, and how much.")
    capture_percent: int = Field(default=100, ge=0, le=100)
    gates: Gates = Gates()
    monitoring: Monitoring = Monitoring()
    alarms: Alarms = Alarms()

    @model_validator(mode="after")
    def _can_be(self) -> DeployConfig:
        for key, why in [*refusals(self), *uncomparable(self)]:
            raise Misfit(why, *key.split("."))
        for stage in STAGES:
            rollout = getattr(self.rollout, stage)
            if reason := misplaced(rollout, self.endpoint):
                raise Misfit(reason, "rollout", stage, "strategy")
            if reason := refusal(rollout, self.machines(stage)):
                raise Misfit(reason, "rollout", stage)
        return self

    def machines(self, stage: Stage) -> int:
        """How many instances, or at most copies on a shared endpoint, a version starts with."""
        if self.shared:
            return int(getattr(self.shared, stage).most)
        return int(getattr(self.capacity, stage).instance_count)

    @property
    def watched(self) -> bool:
        """Whether a monitor looks at what is asked: it reads what was captured."""
        return self.endpoint not in UNCAPTURED

    @property
    def captured_percent(self) -> int:
        """How many of a hundred requests are written down: none where SageMaker cannot."""
        return 0 if self.endpoint in UNCAPTURED else self.capture_percent
