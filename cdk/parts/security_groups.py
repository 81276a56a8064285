"""Who may talk to whom inside an account's network; each function returns its group's id."""

from __future__ import annotations

from typing import Any

from constructs import Construct

from isthmus.config import Platform
from isthmus.resource_types import aws_ec2

TLS: dict[str, Any] = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
ALL_TCP: dict[str, Any] = {"ip_protocol": "tcp", "from_port": 0, "to_port": 65535}
EVERYWHERE = "0.0.0.0/0"


def workloads(scope: Construct, platform: Platform, vpc: str) -> str:
    """Jobs, endpoints, Studio's apps and functions: TLS out, and each other."""
    group = aws_ec2.CfnSecurityGroup(
        scope,
        "Workloads",
        group_description=f"What {platform.name} runs",
        vpc_id=vpc,
        # S3 answers from public addresses, to which no other route leads than the gateway endpoint's.
        security_group_egress=[
            TLS | {"cidrIp": EVERYWHERE, "description": "TLS, as far as routes and endpoint policies lead"}
        ],
    )
    mine = group.attr_group_id
    why = "Instances of one job, and Studio with its apps and files"
    aws_ec2.CfnSecurityGroupIngress(
        scope, "FromEachOther", **ALL_TCP, group_id=mine, source_security_group_id=mine, description=why
    )
    aws_ec2.CfnSecurityGroupEgress(
        scope, "ToEachOther", **ALL_TCP, group_id=mine, destination_security_group_id=mine, description=why
    )
    return mine


def interface_endpoints(scope: Construct, vpc: str, clients: str) -> str:
    """Interface endpoints answer the group of `clients` and call nobody."""
    group = aws_ec2.CfnSecurityGroup(
        scope,
        "Endpoints",
        group_description="Interface endpoints of AWS services",
        vpc_id=vpc,
        security_group_ingress=[
            TLS | {"sourceSecurityGroupId": clients, "description": "TLS from what runs here"}
        ],
        # Without any rule AWS would let everything out.
        security_group_egress=[
            TLS | {"destinationSecurityGroupId": clients, "description": "TLS to what runs here"}
        ],
    )
    return group.attr_group_id
