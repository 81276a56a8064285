"""What the bridge may do in prod: have a version that is compared, and fails, answer nobody any more.

It sets the weights of what an endpoint has, which people let into prod, and can bring nothing new there.
"""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import allow, make_role, roles_of, sagemaker
from cdk.parts.platform_tag import of_platform
from isthmus import names
from isthmus.config import Platform


def fallback(scope: Construct, platform: Platform) -> None:
    """Prod's role."""
    make_role(
        scope,
        "Fallback",
        names.fallback_role(platform),
        trust=roles_of(platform.accounts.automation, names.bridge(platform)),
        description="The bridge, when the alarm of a version that is compared goes off",
        statements=[
            allow(
                ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"],
                sagemaker(Stack.of(scope), "endpoint/*"),
                of_platform(platform),
            )
        ],
    )
