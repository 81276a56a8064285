"""deploy.yaml, `capacity`: the instances that a stage's endpoint or batch transform runs on."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import InstanceType, Strict
from isthmus.config.scaling import Scaling


class Capacity(Strict):
    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(default=1, ge=1)
    scaling: Scaling | None = None


class Capacities(Strict):
    staging: Capacity = Capacity()
    prod: Capacity = Capacity()
