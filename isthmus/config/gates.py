"""deploy.yaml, `gates`: what a version must pass in staging."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import Strict


class Slices(Strict):
    """Groups of rows that must each be served well enough; those of model.yaml's facets are among them."""

    columns: list[str] = Field(
        default=[], description="Columns of the held-out rows, beside the facets, whose values make groups."
    )
    fewest_rows: int = Field(default=30, ge=5, description="Smaller groups are shown and not judged.")
    bar: float | None = Field(
        default=None, description="What each group must reach; else the version's own, of model.yaml."
    )


class Fairness(Strict):
    """How differently the groups of model.yaml's facets may be served: bounds of classes, and of values."""

    classes: list[str] = Field(
        default=[],
        description="Classes that are judged, each against the rest; else of two the positive one, or all.",
    )
    disparate_impact: float = Field(
        default=0.8,
        gt=0,
        lt=1,
        description="The least ratio of a group's share of rows predicted to be of a class to the others'.",
    )
    proportions: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="The most that those shares may differ by (Clarify's DPPL); else they are not judged.",
    )
    mean_prediction: float | None = Field(
        default=None,
        gt=0,
        description="Of a regression: the most that a group's mean prediction may differ from the others', "
        "in the target's unit.",
    )
    mean_error: float | None = Field(
        default=None,
        gt=0,
        description="Of a regression: the most that a group's mean error (prediction less truth) may differ "
        "from the others', in the target's unit.",
    )


class Cost(Strict):
    """What a prediction costs. Prices are yours to say: none is known here."""

    price_per_hour: float | None = Field(
        default=None, gt=0, description="Of one instance of staging, in your currency."
    )
    price_per_gb_second: float | None = Field(
        default=None, gt=0, description="Of a serverless endpoint's memory, in your currency."
    )
    most_per_thousand: float | None = Field(
        default=None, gt=0, description="What a thousand predictions may cost under the measured load."
    )


class Gates(Strict):
    p95_latency_ms: float = Field(default=500, gt=0)
    requests: int = Field(default=50, ge=10)
    concurrency: int = Field(default=1, ge=1, le=64, description="How many requests are asked at a time.")
    predictions_per_s: float | None = Field(
        default=None, gt=0, description="The least throughput, of single rows, so many at a time."
    )
    slices: Slices = Slices()
    fairness: Fairness = Fairness()
    cost: Cost = Cost()
