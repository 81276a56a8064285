"""Who deploys an account's stacks and who looks whether they drifted: the infrastructure pipeline.

Each of its roles may become roles of CDK's bootstrap in its own account, and nothing else.
"""

from __future__ import annotations

from constructs import Construct

from cdk.parts.federation import connection
from cdk.parts.grants import allow, make_role
from isthmus import names
from isthmus.config import AccountRole, Platform


def infrastructure_roles(scope: Construct, platform: Platform, account: AccountRole) -> None:
    """The account's role that deploys, and the one that only looks: each for a connection of its own."""
    number: str = getattr(platform.accounts, account)

    def bootstrap(*kinds: str) -> list[str]:
        found = (names.bootstrap_role(number, platform.region, kind) for kind in kinds)
        return [names.role_arn(number, role) for role in found]

    make_role(
        scope,
        "Infrastructure",
        names.infrastructure_role(platform),
        trust=connection(platform, number, names.infrastructure_connection(platform, account)),
        description="The infrastructure pipeline, which deploys this account's stacks",
        statements=[allow("sts:AssumeRole", bootstrap("deploy", "file-publishing"))],
    )
    make_role(
        scope,
        "Drift",
        names.drift_role(platform),
        trust=connection(platform, number, names.drift_connection(platform, account)),
        description="The infrastructure pipeline, which looks whether stacks are as it left them",
        statements=[allow("sts:AssumeRole", bootstrap("lookup"))],
    )
