"""organization in platform.yaml: what the management account holds."""

from __future__ import annotations

from pydantic import Field

from isthmus.config.fields import Email, Region, Strict
from isthmus.config.stages import ACCESS_ROLE


class Budgets(Strict):
    """US dollars a month for each account with workloads."""

    dev: float = Field(gt=0)
    automation: float = Field(gt=0)
    staging: float = Field(gt=0)
    prod: float = Field(gt=0)


class Members(Strict):
    """Mail addresses of the accounts that Organizations makes; an account without one was there before."""

    dev: Email | None = None
    automation: Email | None = None
    staging: Email | None = None
    prod: Email | None = None


class Organization(Strict):
    """What the management account holds: organizational unit, member accounts, guard rails, budgets."""

    parent: str = Field(
        pattern=r"^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$",
        description="The root or organizational unit that the platform's unit stands under.",
    )
    unit: str = Field(default="isthmus", pattern=r"^[a-zA-Z0-9_ .-]+$", max_length=128)
    members: Members = Members()
    access_role: str = Field(
        default=ACCESS_ROLE,
        pattern=r"^[a-zA-Z0-9_+=,.@-]{1,64}$",
        description="What Organizations makes in each member account for the management account's "
        "administrators: it bootstraps the account, and may change what guard rails protect.",
    )
    regions: list[Region] = Field(
        default=[], description="Allowed beside the platform's region; all others are locked."
    )
    budgets: Budgets | None = Field(default=None, description="People are told at 80 and at 100 %.")
