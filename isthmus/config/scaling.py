"""deploy.yaml, `capacity.<stage>.scaling`: how many instances serve, by how much is asked."""

from __future__ import annotations

from pydantic import Field, model_validator

from isthmus.config.fields import Misfit, Strict


class Scaling(Strict):
    """Application Auto Scaling keeps what an instance has to do near a target."""

    min_instances: int = Field(default=1, ge=0, description="Of an asynchronous endpoint it may be 0.")
    max_instances: int = Field(ge=1)
    invocations_per_instance: int | None = Field(
        default=None, ge=1, description="Realtime: how many requests a minute one instance should get."
    )
    backlog_per_instance: int | None = Field(
        default=None, ge=1, description="Asynchronous: how many requests may wait for each instance; 5."
    )

    @model_validator(mode="after")
    def _grows(self) -> Scaling:
        if self.min_instances > self.max_instances:
            raise Misfit(f"min_instances is over max_instances: {self.max_instances}", "min_instances")
        return self
