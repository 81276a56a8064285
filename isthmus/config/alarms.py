"""deploy.yaml, `alarms`: when people are called."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import Strict


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
