"""deploy.yaml, `capacity`: what a stage's endpoint runs on."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import InstanceType, Strict


class Capacity(Strict):
    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(default=1, ge=1)


class Capacities(Strict):
    staging: Capacity = Capacity()
    prod: Capacity = Capacity()
