"""retraining of a model in platform.yaml: what starts one, how often at the most, and what passes by rule.

The bridge goes by it, which starts the runs and approves; the data that are learned from are model.yaml's.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from isthmus.config.fields import Schedule, Strict

Trigger = Literal["quality", "drift", "data"]


class Approve(Strict):
    """Which version that a retraining registered the bridge approves, in a person's place."""

    least_gain: float = Field(
        gt=0, description="At least so much is the lower end of the interval of its gain over prod's version."
    )
    when: list[Literal["quality", "data", "schedule"]] = Field(
        default=["quality"], min_length=1, description="What it may have been built because of."
    )


class Retraining(Strict):
    """When a model is trained anew though nobody merged anything."""

    when: list[Trigger] | None = Field(
        default=None,
        description="quality: labels in prod tell a loss. drift: inputs changed, which trains a shadow that "
        "waits for nobody. data: a data set has landed. By default quality, and data where files land.",
    )
    schedule: Schedule | None = Field(default=None, description="Also so often, come what may.")
    rest_hours: int = Field(
        default=24, ge=0, le=8760, description="After a retraining no other begins for so long."
    )
    most_per_month: int | None = Field(default=None, ge=1, le=500, description="So many in a month of UTC.")
    most_hours_per_month: float | None = Field(
        default=None, gt=0, description="None begins in a month whose retrainings have run for so long."
    )
    approve: Approve | None = Field(default=None, description="Without it, every version waits for a person.")

    @field_validator("schedule")
    @classmethod
    def _seldom(cls, schedule: str | None) -> str | None:
        if schedule and "minute" in schedule:
            raise ValueError("a model is not trained anew every few minutes: name hours or days")
        return schedule
