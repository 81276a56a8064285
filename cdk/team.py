"""A team's stack in the dev account: its scientists' role, what it alone has, and its people in Studio.

What roles of teams may do stands in the account's stack, once for all teams.
"""

from __future__ import annotations

from constructs import Construct

from cdk.parts.scientists import scientist_role
from cdk.parts.stack import AccountStack
from isthmus.config import Platform, Team


class TeamStack(AccountStack):
    """One team."""

    def __init__(self, scope: Construct, platform: Platform, team: Team) -> None:
        super().__init__(scope, platform, "dev", f"{platform.name}: team {team.name}", team=team)
        role = scientist_role(self, platform, team)
        studio = platform.studio
        if studio is None:
            return
        from cdk.parts.user_profiles import user_profiles

        user_profiles(self, platform, team, role=role.attr_arn)
        if studio.mlflow != "none":
            from cdk.parts.mlflow import mlflow

            mlflow(self, platform, studio, team)
        if studio.glue or studio.emr_serverless:
            from cdk.parts.spark import spark

            spark(self, platform, studio, team)
