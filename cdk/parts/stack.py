"""What every stack has in common: its account, region, tags and protection."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from isthmus import names
from isthmus.config import Platform


class AccountStack(Stack):
    """The stack of one account of the platform (`dev`, `automation`, `staging` or `prod`)."""

    def __init__(self, scope: Construct, platform: Platform, account: str, description: str) -> None:
        self.account_id: str = getattr(platform.accounts, account)
        super().__init__(
            scope,
            names.stack(platform, account),
            description=description,
            env=Environment(account=self.account_id, region=platform.region),
            tags={"platform": platform.name, "stage": account},
            termination_protection=True,
        )
