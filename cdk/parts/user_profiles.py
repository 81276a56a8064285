"""People in Studio: a user profile for each scientist of a team, with the team's role and its tag."""

from __future__ import annotations

from typing import Any

from constructs import Construct

from isthmus import names
from isthmus.config import Platform, Team
from isthmus.resource_types import aws_sagemaker


def user_profiles(scope: Construct, platform: Platform, team: Team, *, role: str) -> None:
    """In the domain that the account's stack has written down; all other settings are the domain's."""
    domain = f"{{{{resolve:ssm:{names.studio_parameter(platform)}}}}}"
    for name, scientist in team.profiles.items():
        aws_sagemaker.CfnUserProfile(
            scope,
            f"Person-{name}",
            domain_id=domain,
            user_profile_name=name,
            user_settings={"executionRole": role},
            **_sign_in(platform, scientist),
        )


def _sign_in(platform: Platform, scientist: str) -> dict[str, Any]:
    if platform.studio is None or platform.studio.sign_in == "iam":
        return {}
    return {"single_sign_on_user_identifier": "UserName", "single_sign_on_user_value": scientist}
