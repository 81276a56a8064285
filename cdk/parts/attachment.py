"""What a role needs so that SageMaker can attach its jobs to a network, and to no other.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from aws_cdk import Stack

from cdk.parts.grants import Statement, allow
from isthmus.network import Attachment

LOOK = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
LEND = (
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
)


def attach(stack: Stack, network: Attachment) -> list[Statement]:
    """Make network interfaces in these subnets, with this group, and lend them to SageMaker."""
    ec2 = f"arn:aws:ec2:{stack.region}:{stack.account}"
    subnets = [f"{ec2}:subnet/{one}" for one in network.subnets]
    return [
        allow([f"ec2:Describe{noun}" for noun in LOOK], "*"),
        allow("ec2:CreateNetworkInterface", [*subnets, f"{ec2}:security-group/{network.security_group}"]),
        allow(
            ["ec2:CreateNetworkInterface", *LEND],
            f"{ec2}:network-interface/*",
            {"ArnEquals": {"ec2:Subnet": subnets}},
        ),
    ]
