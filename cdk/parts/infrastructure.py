"""Who deploys these stacks: the infrastructure pipeline, through CDK's bootstrap roles in each account."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.federation import connection
from cdk.parts.grants import allow, make_role
from isthmus import names
from isthmus.config import WORKLOADS, Platform

KINDS = ("deploy", "file-publishing")


def infrastructure_role(scope: Construct, platform: Platform) -> None:
    """A role that may become the bootstrap's deploy and publishing roles, and nothing else."""
    arns = [
        names.role_arn(account, names.bootstrap_role(account, platform.region, kind))
        for account in (getattr(platform.accounts, role) for role in WORKLOADS)
        for kind in KINDS
    ]
    make_role(
        scope,
        "Infrastructure",
        names.infrastructure_role(platform),
        trust=connection(platform, platform.accounts.automation, names.infrastructure_connection(platform)),
        description="The infrastructure pipeline, which deploys every account's stacks",
        statements=[allow("sts:AssumeRole", arns)],
    )
