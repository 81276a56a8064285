"""accounts in platform.yaml: the AWS accounts, by the role that each plays."""

from __future__ import annotations

from pydantic import Field, model_validator

from isthmus.config.fields import Account, AccountId, Misfit, Strict
from isthmus.config.stages import NEW


class Accounts(Strict):
    """The AWS accounts, by the role that each plays."""

    dev: Account
    automation: Account
    staging: Account
    prod: Account
    management: AccountId | None = Field(default=None, description="Needed by `organization` only.")

    @model_validator(mode="after")
    def _distinct(self) -> Accounts:
        roles: dict[str, str] = {}
        for role, account in self:
            if account not in (None, NEW) and account in roles:
                raise Misfit(f"{role} and {roles[account]} are the same account {account}", role)
            roles[account] = role
        return self
