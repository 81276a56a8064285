"""deploy.yaml, `rollout`: how an update moves the traffic to a new version, and what turns it back.

The bounds are SageMaker's: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
and its API reference, InferenceComponentRollingUpdatePolicy.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from isthmus.config.fields import Name, Strict, twice
from isthmus.config.kinds import Kind

Strategy = Literal["all-at-once", "canary", "linear", "rolling"]
LEAST_BAKE_MINUTES = 3
LONGEST_MINUTES = 420
_LEAST_PERCENT = {"canary": 1, "linear": 10, "rolling": 5}


class RollbackAlarm(Strict):
    """A metric of the model's own that turns a rollout back."""

    name: Name
    metric: str = Field(min_length=1, max_length=255)
    namespace: str = Field(default="AWS/SageMaker", min_length=1, max_length=255)
    dimensions: dict[str, str] = Field(
        default={},
        max_length=30,
        description="In AWS/SageMaker those of the new fleet (shared: of the model), if none are given.",
    )
    statistic: str = Field(default="Average", pattern=r"^(Average|Sum|Minimum|Maximum|p[0-9]{1,2})$")
    above: float | None = None
    below: float | None = None
    minutes: int = Field(default=1, ge=1, le=60, description="So many in a row.")

    @model_validator(mode="after")
    def _has_one_bound(self) -> RollbackAlarm:
        if (self.above is None) == (self.below is None):
            raise ValueError("give one bound: above or below")
        if self.namespace != "AWS/SageMaker" and not self.dimensions:
            raise ValueError(f"say with which dimensions {self.namespace} has the metric")
        return self


class Rollout(Strict):
    """All at once, or in steps, after each of which the alarms are watched.

    Canary and linear turn on parts of a new fleet; rolling replaces copies on a shared endpoint, in batches.
    """

    strategy: Strategy = "all-at-once"
    percent: int | None = Field(
        default=None, ge=1, le=50, description="Of the new fleet, or of the copies, at each step."
    )
    instances: int | None = Field(default=None, ge=1, description="Instead of percent: so many at each step.")
    bake_minutes: int = Field(default=0, ge=0, le=60, description="How long alarms are watched at each step.")
    termination_wait_minutes: int = Field(
        default=0, ge=0, le=60, description="How long the old fleet is kept after the last step."
    )
    alarms: list[RollbackAlarm] = Field(
        default=[],
        max_length=7,
        description="Beside those on errors, refusals and latency.",
    )

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for that SageMaker does not do anyway."""
        return self == Rollout()

    def steps(self, instances: int) -> int:
        """How often traffic is moved on a fleet of so many instances."""
        if self.strategy == "rolling":
            return math.ceil(instances / math.ceil((self.percent or 0) / 100 * instances))
        if self.strategy != "linear":
            return 2 if self.strategy == "canary" else 1
        share = self.percent / 100 if self.percent else (self.instances or instances) / instances
        return math.ceil(1 / share)

    def minutes(self, instances: int) -> int:
        """All that is waited for."""
        return self.steps(instances) * self.bake_minutes + self.termination_wait_minutes

    @model_validator(mode="after")
    def _fits_together(self) -> Rollout:
        stepwise = self.strategy != "all-at-once"
        given = [size for size in (self.percent, self.instances) if size is not None]
        if self.strategy == "rolling" and (self.percent is None or self.instances is not None):
            raise ValueError("rolling takes percent: how many of the copies are replaced at each step")
        if self.strategy == "rolling" and self.termination_wait_minutes:
            raise ValueError("rolling keeps no old fleet: leave termination_wait_minutes out")
        if len(given) != stepwise:
            raise ValueError(
                f"{self.strategy} takes one of percent and instances"
                if stepwise
                else f"percent and instances belong to canary and linear, and strategy is {self.strategy}"
            )
        if self.percent is not None and self.percent < _LEAST_PERCENT[self.strategy]:
            raise ValueError(f"a step of {self.strategy} is at least {_LEAST_PERCENT[self.strategy]} percent")
        watched = stepwise or self.alarms or self.bake_minutes
        if watched and self.bake_minutes < LEAST_BAKE_MINUTES:
            raise ValueError(
                f"bake_minutes is {self.bake_minutes}: metrics come by the minute, and an alarm that is "
                f"watched for less than {LEAST_BAKE_MINUTES} turns nothing back"
            )
        if name := twice(alarm.name for alarm in self.alarms):
            raise ValueError(f"two alarms are called {name}")
        return self


class Rollouts(Strict):
    """For each stage; a first deployment has nothing to turn back to, and is not watched."""

    staging: Rollout = Rollout()
    prod: Rollout = Rollout()


def misplaced(rollout: Rollout, kind: Kind) -> str:
    """Why the strategy is not one for this way to serve; empty where it is."""
    if kind != "shared":
        ours = "rolling is for endpoint: shared, whose copies are replaced in batches: say canary or linear"
        return ours if rollout.strategy == "rolling" else ""
    if rollout.strategy in ("canary", "linear"):
        return (
            f"{rollout.strategy} shares traffic between two fleets, and a model on a shared endpoint has "
            "none of its own: say rolling, which replaces its copies in batches"
        )
    if rollout.strategy == "all-at-once" and not rollout.is_plain:
        return "alarms of a model on a shared endpoint are watched by strategy: rolling alone"
    return ""


def refusal(rollout: Rollout, instances: int) -> str:
    """Why SageMaker would not do this rollout on a fleet of so many instances; empty where it would."""
    if rollout.strategy in ("canary", "linear"):
        share = rollout.percent / 100 if rollout.percent else (rollout.instances or 0) / instances
        turned_on = math.ceil(share * instances - 1e-9)
        if turned_on * 2 > instances:
            return (
                f"a step of {rollout.strategy} turns on {turned_on} of {instances} instances, "
                f"and at most half are allowed: raise instance_count"
            )
        if rollout.strategy == "linear" and share < 0.1:
            return f"a step of linear turns on {rollout.instances} of {instances} instances: at least a tenth"
    if rollout.minutes(instances) > LONGEST_MINUTES:
        return f"takes {rollout.minutes(instances)} minutes, and {LONGEST_MINUTES} are the most"
    return ""
