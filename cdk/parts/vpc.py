"""A VPC of ours: private subnets, no way to the internet, and a log of who talked to whom."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from aws_cdk import CfnTag, Fn, Stack
from constructs import Construct

from cdk.parts.excuse import excuse
from cdk.parts.grants import allow, log_arn, make_role, service
from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.resource_types import aws_ec2, aws_logs


@dataclass(frozen=True)
class Vpc:
    """References to the VPC, to its subnets (one in each zone) and to the route table of all of them."""

    id: str
    subnets: list[str]
    route_table: str


def managed_vpc(scope: Construct, platform: Platform, account: AccountRole, *, log_key: str) -> Vpc:
    """The account's VPC; `log_key` encrypts its flow logs."""
    cidr: IPv4Network = getattr(platform.network.cidrs, account)
    vpc = aws_ec2.CfnVPC(
        scope,
        "Vpc",
        cidr_block=str(cidr),
        enable_dns_support=True,
        enable_dns_hostnames=True,
        tags=[_named(platform, account)],
    )
    excuse(
        vpc,
        "CloudFormation cannot close it; roles may attach nothing to another group than the platform's own",
        "NIST.800.53.R5-VPCDefaultSecurityGroupClosed",
    )
    routes = aws_ec2.CfnRouteTable(scope, "Routes", vpc_id=vpc.ref, tags=[_named(platform, account)])
    zones = platform.network.zones_in(platform.region)
    # A quarter of the addresses each, so that a third zone can come later and no subnet is made anew.
    blocks = cidr.subnets(prefixlen_diff=2)
    subnets = [
        _subnet(scope, vpc.ref, zone, block, routes.ref) for zone, block in zip(zones, blocks, strict=False)
    ]
    _flow_logs(scope, platform, vpc.ref, log_key)
    return Vpc(vpc.ref, subnets, routes.ref)


def _subnet(scope: Construct, vpc: str, zone: str, block: IPv4Network, routes: str) -> str:
    subnet = aws_ec2.CfnSubnet(
        scope,
        f"Subnet{zone.upper()}",
        vpc_id=vpc,
        availability_zone=Fn.sub(f"${{AWS::Region}}{zone}"),
        cidr_block=str(block),
        map_public_ip_on_launch=False,
        tags=[CfnTag(key="Name", value=f"private-{zone}")],
    )
    aws_ec2.CfnSubnetRouteTableAssociation(
        scope, f"RoutesOf{zone.upper()}", subnet_id=subnet.ref, route_table_id=routes
    )
    return subnet.ref


def _flow_logs(scope: Construct, platform: Platform, vpc: str, key: str) -> None:
    stack, name = Stack.of(scope), names.flow_logs(platform)
    group = aws_logs.CfnLogGroup(
        scope,
        "FlowLogs",
        log_group_name=name,
        kms_key_id=key,
        retention_in_days=platform.logs.retention_days,
    )
    arn = log_arn(stack, name)
    role = make_role(
        scope,
        "FlowLogRole",
        names.network_role(platform),
        trust=service("vpc-flow-logs.amazonaws.com", stack.account),
        description="Writes who talked to whom in the VPC",
        statements=[
            allow(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], f"{arn}:*"),
            allow("logs:DescribeLogGroups", log_arn(stack, "*")),
        ],
    )
    aws_ec2.CfnFlowLog(
        scope,
        "FlowLog",
        resource_type="VPC",
        resource_id=vpc,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.attr_arn,
        deliver_logs_permission_arn=role.attr_arn,
        max_aggregation_interval=600,
    )


def _named(platform: Platform, account: str) -> CfnTag:
    return CfnTag(key="Name", value=names.stack(platform, account))
