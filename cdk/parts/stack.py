"""What every stack has in common: its account, region, tags and protection."""

from __future__ import annotations

from aws_cdk import Environment, Stack, Tags
from constructs import Construct

from isthmus import names
from isthmus.config import AccountRole, Model, Platform


class AccountStack(Stack):
    """A stack in one of the platform's accounts: the account's own, a model's, or one of another `name`.

    Each resource is tagged with who pays for it: platform, account, and a model's name, owner and team. In a
    model's stack these are the tags of its roles, which the policies of their kind read.
    """

    def __init__(
        self,
        scope: Construct,
        platform: Platform,
        account: AccountRole,
        description: str,
        model: Model | None = None,
        *,
        name: str | None = None,
    ) -> None:
        self.account_id: str = getattr(platform.accounts, account)
        own = names.model_stack(platform, account, model.name) if model else names.stack(platform, account)
        super().__init__(
            scope,
            name or own,
            description=description,
            env=Environment(account=self.account_id, region=platform.region),
            termination_protection=True,
        )
        for key, value in names.tags(platform, account, model).items():
            Tags.of(self).add(key, value)
