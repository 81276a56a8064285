"""What every stack has in common: its account, region, tags and protection."""

from __future__ import annotations

from aws_cdk import Environment, Stack, Tags
from constructs import Construct

from isthmus import names
from isthmus.config import AccountRole, Model, Platform, Team


class AccountStack(Stack):
    """A stack in one of the platform's accounts: its own, a model's, a team's, or another by `name`.

    Each resource is tagged with who pays for it: platform, account, owner, and a model's name and team. In a
    model's or team's stack these are the tags of its roles, which the policies of their kind read.
    """

    def __init__(
        self,
        scope: Construct,
        platform: Platform,
        account: AccountRole,
        description: str,
        model: Model | None = None,
        *,
        team: Team | None = None,
        name: str | None = None,
    ) -> None:
        self.account_id: str = getattr(platform.accounts, account)
        own = names.stack(platform, account)
        if model:
            own = names.model_stack(platform, account, model.name)
        if team:
            own = names.team_stack(platform, team.name)
        super().__init__(
            scope,
            name or own,
            description=description,
            env=Environment(account=self.account_id, region=platform.region),
            termination_protection=True,
        )
        for key, value in names.tags(platform, account, model, team).items():
            Tags.of(self).add(key, value)
