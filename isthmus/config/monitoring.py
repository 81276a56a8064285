"""deploy.yaml, `monitoring`: how often a version is watched, how far back, and what is a finding."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from isthmus.config import model_monitor
from isthmus.config.fields import InstanceType, Misfit, Schedule, Strict, twice

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


class Facet(Strict):
    """Whom a model could treat worse: rows with one of `values` in `column`, or above `above`."""

    column: str
    values: list[str | int | float] = Field(default=[], description="What marks the group to protect.")
    above: float | None = Field(default=None, description="For numbers: the group is what lies above.")

    @model_validator(mode="after")
    def _one_way(self) -> Facet:
        if bool(self.values) == (self.above is not None):
            raise ValueError(f"facet {self.column}: give either values or above")
        return self


class Bias(Strict):
    positive: list[str | int | float] = Field(
        default=[], description="The labels that are good to have; else the second class, or `above`."
    )
    above: float | None = Field(default=None, description="Of a regression: good is what lies above.")
    facets: list[Facet] = Field(min_length=1, max_length=20)
    group: str | None = Field(default=None, description="A column within whose groups disparity is measured.")

    @model_validator(mode="after")
    def _each_once(self) -> Bias:
        if name := twice([facet.column for facet in self.facets]):
            raise ValueError(f"facet {name} stands twice")
        return self


class Explanations(Strict):
    rows: int = Field(default=100, ge=10, le=2000, description="So many captured rows are explained.")
    ndcg: float = Field(
        default=0.9, gt=0, lt=1, description="Less likeness than this to the order in training is a finding."
    )


class Monitoring(Strict):
    engine: Literal["isthmus", "model-monitor"] = Field(
        default="isthmus",
        description="Who watches: Isthmus' own monitor, or SageMaker Model Monitor, for realtime endpoints "
        "in accounts that used it before 2026-07-30, when it was closed to new customers.",
    )
    model_quality: bool = Field(
        default=False,
        description="With engine: model-monitor, also compare answers with labels; Isthmus' own always does.",
    )
    schedule: Schedule = "rate(1 day)"
    window_days: int = Field(
        default=30, ge=1, le=400, description="How far back a monitor looks, in days. Labels come late."
    )
    confidence: float = Field(
        default=0.99, gt=0.5, lt=1, description="How sure a finding must be, all features together."
    )
    drift: DriftRule = DriftRule()
    bias: Bias | None = Field(default=None, description="Clarify's bias metrics, by facet; none if left out.")
    explanations: Explanations | None = Field(
        default=None, description="Whether features count as in training (SHAP); not looked at if left out."
    )
    service_metrics: bool = Field(
        default=False,
        description="Put Model Monitor's and Clarify's own CloudWatch metrics too (feature_baseline_drift_*, "
        "bias_metric_*): about three for each feature, which CloudWatch bills.",
    )
    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(
        default=1,
        ge=1,
        le=20,
        description="Over 1, each sees a share of the captures; then they are added up.",
    )

    @model_validator(mode="after")
    def _as_the_engine_can(self) -> Monitoring:
        if self.engine == "isthmus":
            if self.model_quality:
                raise Misfit("Isthmus' own monitor looks at quality anyway: leave it out", "model_quality")
            return self
        for key, why in model_monitor.OURS.items():
            if key in self.model_fields_set:
                raise Misfit(f"it is for engine: isthmus; {why}", key)
        if model_monitor.schedule(self.schedule) is None:
            raise Misfit(
                "Model Monitor looks hourly, daily, or every few hours on the hour: "
                "rate(6 hours), rate(1 day), cron(0 5 * * ? *)",
                "schedule",
            )
        return self
