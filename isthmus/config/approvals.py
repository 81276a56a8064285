"""approvals in platform.yaml: who may decide what, and how long a decision may wait."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from isthmus.config.fields import Email, Misfit, Strict, Text

AGE = r"^[1-9][0-9]{0,3}[mhd]$"
Age = Annotated[str, Field(pattern=AGE)]
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# Of any check of Azure DevOps: 43200 minutes.
LONGEST = timedelta(days=30)


def length(age: str) -> timedelta:
    """So long as 30m, 12h or 2d say; raises `ValueError` where it is none of these."""
    if not re.fullmatch(AGE, age):
        raise ValueError(f"{age!r} is no age")
    return timedelta(**{UNITS[age[-1]]: int(age[:-1])})


class Approvals(Strict):
    """Who may decide, when people are reminded that they have not, and when others are told."""

    different_people: bool = Field(
        default=True, description="Who had a version built neither approves it nor lets it pass to prod."
    )
    people: dict[Text, Text] = Field(
        default={},
        description="The account in Azure DevOps of who signs in to AWS by another name: "
        "{rsmith: robert.smith@contoso.example}.",
    )
    limit: Age = Field(default="14d", description="What waits longer, isthmus audit finds.")
    timeout: Age = Field(default="30d", description="A deployment that nobody let pass in so long fails.")
    remind_after: list[Age] = Field(
        default=[], max_length=5, description="Tell again what still waits after so long: [1d, 3d]."
    )
    escalate_after: Age | None = Field(default=None, description="Tell escalate_to after so long.")
    escalate_to: list[Email] = Field(default=[], max_length=10)

    @field_validator("timeout")
    @classmethod
    def _is_kept_by_azure_devops(cls, age: str) -> str:
        if length(age) > LONGEST:
            raise ValueError("Azure DevOps waits 30d for an approval, and no longer")
        return age

    @model_validator(mode="after")
    def _in_order(self) -> Approvals:
        ages = list(map(length, self.remind_after))
        if ages != sorted(set(ages)):
            raise Misfit("remind_after: each later than the one before, such as [1d, 3d]", "remind_after")
        if (self.escalate_after is None) != (not self.escalate_to):
            alone = "escalate_to" if self.escalate_after is None else "escalate_after"
            raise Misfit("escalate_after and escalate_to: one needs the other", alone)
        if self.escalate_after and ages and length(self.escalate_after) < ages[0]:
            early = "escalate_after comes before the first reminder: nobody has been reminded then"
            raise Misfit(early, "escalate_after")
        return self
