"""deploy.yaml, `monitoring`: how often a version is watched, how far back, and what is a finding."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import Schedule, Strict


class Monitoring(Strict):
    schedule: Schedule = "rate(1 day)"
    window_days: int = Field(
        default=30, ge=1, le=400, description="How far back a monitor looks, in days. Labels come late."
    )
    psi: float = Field(default=0.2, gt=0, description="Drift that is too small to matter, whatever its odds.")
    confidence: float = Field(
        default=0.99, gt=0.5, lt=1, description="How sure a finding must be, all features together."
    )
