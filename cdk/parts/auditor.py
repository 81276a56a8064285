"""Who proves each night that what runs in prod came there by the rules: reads the registry and the endpoints.

Enters the automation account by a service connection of its own, and prod's from there. It reads no data.
"""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.federation import connection
from cdk.parts.grants import allow, make_role, roles_of, sagemaker
from cdk.parts.people import read_registry, read_shared_registry
from cdk.parts.platform_tag import of_platform
from isthmus import names
from isthmus.config import Platform

ABOUT = "The audit, which proves that what runs in prod came there by the rules"


def automation_auditor(scope: Construct, platform: Platform) -> None:
    """Reads versions and who approved them; enters prod."""
    accounts, role = platform.accounts, names.audit_role(platform)
    make_role(
        scope,
        "Auditor",
        role,
        trust=connection(platform, accounts.automation, names.audit_connection(platform)),
        description=ABOUT,
        statements=[
            *read_registry(platform),
            allow("sts:AssumeRole", names.role_arn(accounts.prod, role)),
        ],
    )


def prod_auditor(scope: Construct, platform: Platform) -> None:
    """Reads which version each endpoint serves."""
    stack, role = Stack.of(scope), names.audit_role(platform)
    make_role(
        scope,
        "Auditor",
        role,
        trust=roles_of(platform.accounts.automation, role),
        description=ABOUT,
        statements=[
            *read_shared_registry(platform),
            # Whether an endpoint or a batch pipeline is there is asked before it has tags.
            allow("sagemaker:DescribeEndpoint", sagemaker(stack, "endpoint/*")),
            allow("sagemaker:DescribePipeline", sagemaker(stack, f"pipeline/{names.batch_pipeline('*')}")),
            allow(
                ["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
                sagemaker(stack, "endpoint-config/*", "model/*"),
                of_platform(platform),
            ),
        ],
    )
