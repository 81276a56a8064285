"""What a role needs so that SageMaker can attach its jobs to a network, and to no other.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from aws_cdk import Stack

from cdk.parts.grants import Conditions, Statement, allow
from isthmus.config import AccountRole, Platform
from isthmus.network import Attachment, parameters

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


def only_there(network: Attachment | None) -> Conditions | None:
    """The condition that a job or model names these subnets and this group, and no others."""
    if network is None:
        return None
    keys = {
        "sagemaker:VpcSubnets": list(network.subnets),
        "sagemaker:VpcSecurityGroupIds": [network.security_group],
    }
    # A request that names none has no values that could differ.
    return {"ForAllValues:StringEquals": keys, "Null": dict.fromkeys(keys, "false")}


def read_network(stack: Stack, platform: Platform, account: AccountRole) -> list[Statement]:
    """Read where the account's network is written down; nothing where the platform has none."""
    written = parameters(platform, account)
    if written is None:
        return []
    path = f"arn:aws:ssm:{stack.region}:{stack.account}:parameter"
    return [
        allow("ssm:GetParameters", [f"{path}{one}" for one in (*written.subnets, written.security_group)])
    ]
