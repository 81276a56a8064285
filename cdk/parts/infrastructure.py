"""Who deploys these stacks: the infrastructure pipeline, through CDK's bootstrap roles in each account."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.federation import Federation
from cdk.parts.grants import allow, make_role
from isthmus import names
from isthmus.config import Platform

KINDS = ("deploy", "file-publishing")


def infrastructure_role(scope: Construct, platform: Platform, federation: Federation) -> None:
    """A role that may become the bootstrap's deploy and publishing roles, and nothing else."""
    accounts = platform.accounts
    arns = [
        names.role_arn(account, names.bootstrap_role(account, platform.region, kind))
        for account in (accounts.dev, accounts.automation, accounts.staging, accounts.prod)
        for kind in KINDS
    ]
    make_role(
        scope,
        "Infrastructure",
        names.infrastructure_role(platform),
        trust=federation.connection(names.infrastructure_connection(platform)),
        description="The infrastructure pipeline, which deploys every account's stack",
        statements=[allow("sts:AssumeRole", arns)],
    )
