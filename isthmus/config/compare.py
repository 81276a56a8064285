"""deploy.yaml, `compare`: an approved version is first put beside the one in prod, and not in its place.

The bounds are SageMaker's: https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/model-ab-testing.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from isthmus.config.fields import Misfit, Strict

if TYPE_CHECKING:
    from isthmus.config.deploy import DeployConfig

Mode = Literal["shadow", "ab"]
Measure = Literal["errors", "latency", "predictions", "quality"]
UNITS: dict[Measure, str] = {
    "errors": "percent of the requests",
    "latency": "milliseconds",
    "predictions": "the mean answer; of a class, its share of the answers",
    "quality": "the model's own metric, per labelled row",
}
_CAPTURED: tuple[Measure, ...] = ("predictions", "quality")


class Compare(Strict):
    """How traffic is shared between the version in prod and the new one, and what decides between them."""

    mode: Mode = Field(
        description="shadow: the new version gets copies of requests, and its answers reach nobody. "
        "ab: it answers a part of the requests."
    )
    percent: int = Field(
        ge=1, le=100, description="Of the requests: those that are mirrored, or that the new version answers."
    )
    metric: Measure = Field(
        default="errors",
        description="What decides; all are reported. "
        + "; ".join(f"{name}: {unit}" for name, unit in UNITS.items()),
    )
    smallest_difference: float = Field(
        gt=0, description="Less than this does not matter to you; in the units of `metric`."
    )
    alpha: float = Field(
        default=0.05,
        ge=0.0001,
        le=0.2,
        description="How often a difference may be claimed where there is none, however often one looks.",
    )
    answer: str | None = Field(
        default=None,
        pattern=r"^[\w .:/=+@-]+$",
        max_length=60,
        description="Of a model that answers by classes: the class whose share `predictions` compares.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Compare:
        if self.mode == "ab" and self.percent > 50:
            raise Misfit("the version in prod keeps at least half of the requests: at most 50", "percent")
        return self

    def instances(self, beside: int) -> int:
        """How many the new version gets for its share, where the other one has so many."""
        return math.ceil(beside * self.percent / 100)

    def record(self) -> str:
        """As a value of the registry's metadata, which has no braces; `read` reads it."""
        return " ".join(f"{key}={value}" for key, value in self.model_dump(exclude_none=True).items())


def read(record: str) -> Compare:
    """What `Compare.record` wrote; only `answer`, which comes last, may have blanks."""
    words = record.split(" ", len(Compare.model_fields) - 1)
    return Compare.model_validate(dict(word.split("=", 1) for word in words))


def refusals(config: DeployConfig) -> Iterator[tuple[str, str]]:
    """Each key that cannot be beside `compare`, and why."""
    asked, kind = config.compare, config.endpoint
    if asked is None:
        return
    if kind == "batch":
        yield "compare", "a batch transform has no requests that could be shared: compare versions by gates"
    elif kind != "realtime":
        yield "compare", f"SageMaker has one production variant and no shadow behind endpoint: {kind}"
    if asked.metric in _CAPTURED and not config.capture_percent:
        yield "compare.metric", f"{asked.metric} are read from what is captured, and capture_percent is 0"
    if asked.answer is not None and asked.metric != "predictions":
        yield "compare.answer", f"it is for metric: predictions, and this one is {asked.metric}"
