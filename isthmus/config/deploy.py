"""deploy.yaml: how a model version serves, what it must pass, and how it is watched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isthmus.config.fields import InstanceType, ModelName, Schedule, Strict


class Capacity(Strict):
    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(default=1, ge=1)


class Capacities(Strict):
    staging: Capacity = Capacity()
    prod: Capacity = Capacity()


class Gates(Strict):
    p95_latency_ms: float = Field(default=500, gt=0)
    requests: int = Field(default=50, ge=10)
    concurrency: int = Field(default=1, ge=1, le=64, description="How many requests are asked at a time.")


class Monitoring(Strict):
    schedule: Schedule = "rate(1 day)"
    window_days: int = Field(
        default=30, ge=1, le=400, description="How far back a monitor looks, in days. Labels come late."
    )
    psi: float = Field(default=0.2, gt=0, description="Drift that is too small to matter, whatever its odds.")
    confidence: float = Field(
        default=0.99, gt=0.5, lt=1, description="How sure a finding must be, all features together."
    )


class Alarms(Strict):
    """When people are called. Failures and latency are judged over ten of the last fifteen minutes."""

    error_percent: float = Field(default=1, gt=0, lt=100, description="Of requests that the model fails.")
    p95_latency_ms: float = Field(default=1000, gt=0, description="Of the model, without the way to it.")
    silent_minutes: int | None = Field(
        default=None,
        ge=5,
        le=1440,
        description="Where traffic is expected: so long without a request in prod is an alarm.",
    )


class DeployConfig(Strict):
    """deploy.yaml: how a model version serves, what it must pass, and how it is watched."""

    model: ModelName
    endpoint: Literal["realtime"] = "realtime"
    capacity: Capacities = Capacities()
    capture_percent: int = Field(default=100, ge=0, le=100)
    gates: Gates = Gates()
    monitoring: Monitoring = Monitoring()
    alarms: Alarms = Alarms()
