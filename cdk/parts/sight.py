"""Who may see what serves in a serving account, and nothing more: the audit, and the bridge."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import Statement, allow, make_role, roles_of, sagemaker
from cdk.parts.platform_tag import of_platform
from isthmus import names
from isthmus.config import Platform


def see_what_serves(stack: Stack, platform: Platform) -> list[Statement]:
    """See which version each endpoint, component and batch pipeline serves, and how it is set."""
    return [
        # Whether an endpoint, a component or a batch pipeline is there is asked before it has tags.
        allow("sagemaker:DescribeEndpoint", sagemaker(stack, "endpoint/*")),
        allow("sagemaker:DescribeInferenceComponent", sagemaker(stack, "inference-component/*")),
        allow("sagemaker:DescribePipeline", sagemaker(stack, f"pipeline/{names.batch_pipeline('*')}")),
        allow(
            ["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
            sagemaker(stack, "endpoint-config/*", "model/*"),
            of_platform(platform),
        ),
    ]


def bridge_sight(scope: Construct, platform: Platform) -> None:
    """The role by which the bridge compares what serves with the registry and the runs."""
    role = names.bridge(platform)
    make_role(
        scope,
        "BridgeSight",
        role,
        trust=roles_of(platform.accounts.automation, role),
        description="The bridge, which sees what serves",
        statements=see_what_serves(Stack.of(scope), platform),
    )
