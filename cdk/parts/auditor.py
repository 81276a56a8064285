"""Who proves each night that what runs in prod came there by the rules: reads the registry and the endpoints.

Enters the automation account by a service connection of its own, and from there prod's, and each account's
lookup role of the bootstrap, which asks CloudFormation for drift. Of data it reads what evaluations found and
which files were learned from, and nothing else.
"""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.federation import connection
from cdk.parts.grants import allow, make_role, roles_of
from cdk.parts.keys import READ, through_s3
from cdk.parts.people import read_registry, read_shared_registry
from cdk.parts.sight import see_what_serves
from cdk.parts.storage import bucket_arn
from isthmus import names
from isthmus.config import Platform

READS = ("evaluation.json", "manifests/*/data.json")
ABOUT = "The audit, which proves that what runs in prod came there by the rules"


def automation_auditor(scope: Construct, platform: Platform, *, data_key: str) -> None:
    """Reads versions, who approved them and what their evaluations found; enters prod."""
    accounts, role = platform.accounts, names.audit_role(platform)
    artifacts = names.artifact_bucket(platform)
    make_role(
        scope,
        "Auditor",
        role,
        trust=connection(platform, accounts.automation, names.audit_connection(platform)),
        description=ABOUT,
        statements=[
            *read_registry(platform),
            # What the registry says of them is a copy, which an approver may write.
            allow("s3:GetObject", [f"{bucket_arn(artifacts)}/*/{file}" for file in READS]),
            allow(READ, data_key, through_s3(platform.region, artifacts)),
            allow("sts:AssumeRole", [names.role_arn(accounts.prod, role), *_lookups(platform)]),
        ],
    )


def _lookups(platform: Platform) -> list[str]:
    """Who may look at each account's stacks, and at what they made."""
    numbers = [getattr(platform.accounts, account) for account in platform.standing]
    return [names.role_arn(one, names.bootstrap_role(one, platform.region, "lookup")) for one in numbers]


def prod_auditor(scope: Construct, platform: Platform) -> None:
    """Reads which version each endpoint serves."""
    role = names.audit_role(platform)
    make_role(
        scope,
        "Auditor",
        role,
        trust=roles_of(platform.accounts.automation, role),
        description=ABOUT,
        statements=[
            *read_shared_registry(platform),
            *see_what_serves(Stack.of(scope), platform),
        ],
    )
