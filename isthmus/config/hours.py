"""azure.business_hours in platform.yaml: when prod may be deployed to; at other times a deployment waits."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from isthmus.config.fields import HOUR, Misfit, Strict
from isthmus.config.time_zones import TIME_ZONES

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = get_args(Day)
Hour = Annotated[str, Field(pattern=HOUR)]


def _known(zone: str) -> str:
    if zone not in TIME_ZONES:
        known = ", ".join(map(repr, TIME_ZONES))
        raise PydanticCustomError(
            "literal_error",
            "it is named as Azure DevOps does: UTC, W. Europe Standard Time",
            {"expected": known},
        )
    return zone


TimeZone = Annotated[str, Field(json_schema_extra={"enum": list(TIME_ZONES)}), AfterValidator(_known)]


class BusinessHours(Strict):
    """From `opens` until `closes`, on these days, as the clocks of that time zone say."""

    days: list[Day] = Field(default=list(DAYS[:5]), min_length=1)
    opens: Hour
    closes: Hour
    time_zone: TimeZone = Field(description="As Azure DevOps names it: UTC, W. Europe Standard Time.")

    @model_validator(mode="after")
    def _open_at_all(self) -> BusinessHours:
        if self.closes <= self.opens:
            raise Misfit("closes comes after opens, on the same day", "closes")
        return self
