"""deploy.yaml, `monitoring`: how often a version is watched, how far back, and what is a finding."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from isthmus.config.fields import InstanceType, Schedule, Strict

OfNumbers = Literal["psi", "jensen_shannon", "wasserstein", "kolmogorov_smirnov", "chi_squared"]
OfTexts = Literal["psi", "jensen_shannon", "chi_squared"]


class DriftRule(Strict):
    numbers: OfNumbers = Field(
        default="psi", description="The distance that decides for a column of numbers."
    )
    texts: OfTexts = Field(default="psi", description="The distance that decides for a column of texts.")
    thresholds: dict[OfNumbers, Annotated[float, Field(ge=0)]] = Field(
        default={},
        description="Drift that is too small to matter, whatever its odds; 0 leaves it to the test. "
        "Else psi 0.2, the others 0.1, and chi_squared 0.",
    )
    correction: Literal["holm", "benjamini_hochberg", "none"] = Field(
        default="holm", description="What `confidence` holds for: all columns, the findings, or each column."
    )


class Monitoring(Strict):
    schedule: Schedule = "rate(1 day)"
    window_days: int = Field(
        default=30, ge=1, le=400, description="How far back a monitor looks, in days. Labels come late."
    )
    confidence: float = Field(
        default=0.99, gt=0.5, lt=1, description="How sure a finding must be, all features together."
    )
    drift: DriftRule = DriftRule()
    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(
        default=1,
        ge=1,
        le=20,
        description="Over 1, each sees a share of the captures; then they are added up.",
    )
