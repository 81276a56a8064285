"""deploy.yaml, `gates`: what a version must pass in staging."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import Strict


class Gates(Strict):
    p95_latency_ms: float = Field(default=500, gt=0)
    requests: int = Field(default=50, ge=10)
    concurrency: int = Field(default=1, ge=1, le=64, description="How many requests are asked at a time.")
