"""Endpoints that several models share: platform.yaml has them, and deploy.yaml says which one a model uses.

SageMaker calls a model's part of one an inference component. Bounds: its API reference, ProductionVariant and
InferenceComponentComputeResourceRequirements.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from isthmus.config.fields import InstanceType, Misfit, Name, Strict


class Machines(Strict):
    """The instances of a shared endpoint at a stage."""

    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(default=1, ge=1)
    max_instances: int | None = Field(
        default=None, ge=1, description="SageMaker adds instances up to so many where copies need room."
    )

    @model_validator(mode="after")
    def _grows(self) -> Machines:
        if self.max_instances is not None and self.max_instances < self.instance_count:
            raise Misfit(f"max_instances is below instance_count: {self.instance_count}", "max_instances")
        return self


class SharedEndpoint(Strict):
    """platform.yaml, `shared_endpoints`: one that stands at both stages before a model is there."""

    name: Name
    staging: Machines = Machines()
    prod: Machines = Machines()


class CopyScaling(Strict):
    """Application Auto Scaling keeps what a copy has to do near a target."""

    min_copies: int = Field(default=1, ge=1)
    max_copies: int = Field(ge=1)
    invocations_per_copy: int = Field(ge=1, description="How many requests a minute one copy should get.")

    @model_validator(mode="after")
    def _grows(self) -> CopyScaling:
        if self.min_copies > self.max_copies:
            raise Misfit(f"min_copies is over max_copies: {self.max_copies}", "min_copies")
        return self


class Part(Strict):
    """What a model has of the endpoint at a stage: each copy answers requests, and has so much for itself."""

    copies: int = Field(default=1, ge=1, description="Where they do not scale.")
    scaling: CopyScaling | None = None
    cpus: float = Field(default=0.5, ge=0.25)
    memory_mb: int = Field(default=1024, ge=128)
    accelerators: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _scales(self) -> Part:
        if self.scaling and "copies" in self.model_fields_set:
            raise Misfit("copies scale here: say scaling.min_copies instead", "copies")
        return self

    @property
    def least(self) -> int:
        """The copies that there are at all times."""
        return self.scaling.min_copies if self.scaling else self.copies

    @property
    def most(self) -> int:
        return self.scaling.max_copies if self.scaling else self.copies


class Shared(Strict):
    """deploy.yaml, `shared`."""

    endpoint: Name = Field(description="One of platform.yaml's shared_endpoints.")
    staging: Part = Part()
    prod: Part = Part()
