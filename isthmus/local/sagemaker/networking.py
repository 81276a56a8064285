"""The network of a job or model: a VPC that is there and that its role may attach to, or none at all.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html says what the role needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker.call import Call
from isthmus.local.sagemaker.cloud import Caller, Network

LOOK = ("DescribeDhcpOptions", "DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeSubnets")
LEND = (
    "CreateNetworkInterfacePermission",
    "DeleteNetworkInterface",
    "DeleteNetworkInterfacePermission",
)
Asked = tuple[str, str, dict[str, str]]


def environment(usual: Mapping[str, str], role: Caller, offline: bool) -> dict[str, str]:
    """What a container is told of AWS: where it is and who it is there; offline it is told nothing."""
    if offline:
        return {name: value for name, value in usual.items() if not name.startswith("AWS_")}
    return {**usual, **role.environment()}


def vpc_of(job: Record) -> Record | None:
    """The VpcConfig of a training or processing job."""
    found: Record | None = (job.get("NetworkConfig") or job).get("VpcConfig")
    return found


def require(call: Call, role: Caller, vpc: Record | None) -> None:
    """Raise ValidationException unless the VPC's parts are there, AccessDenied unless `role` may attach."""
    if vpc is None:
        return
    there = call.here.cloud.network(role.account, role.region)
    groups, subnets = vpc["SecurityGroupIds"], vpc["Subnets"]
    for kind, ids, known in (
        ("security group", groups, there.security_groups),
        ("subnet ID", subnets, there.subnets),
    ):
        if missing := [one for one in ids if one not in known]:
            raise invalid(f"The {kind} '{missing[0]}' does not exist")
    if len({there.subnets[one] for one in subnets} | {there.security_groups[one] for one in groups}) > 1:
        raise invalid("The security groups and subnets of VpcConfig are not all in one VPC")
    for action, resource, context in _asked(role, subnets, groups, there):
        call.here.cloud.authorize(role, action, resource, context)


def _asked(role: Caller, subnets: list[str], groups: list[str], there: Network) -> Iterator[Asked]:
    def arn(kind: str, name: str) -> str:
        return f"arn:aws:ec2:{role.region}:{role.account}:{kind}/{name}"

    for action in (*LOOK, "DescribeVpcs"):
        yield f"ec2:{action}", "*", {}
    for subnet in subnets:
        place = {"ec2:Subnet": arn("subnet", subnet), "ec2:Vpc": arn("vpc", there.subnets[subnet])}
        interface = arn("network-interface", "eni-0")
        yield "ec2:CreateNetworkInterface", arn("subnet", subnet), place
        yield "ec2:CreateNetworkInterface", interface, place
        for action in LEND:
            yield f"ec2:{action}", interface, place
    for group in groups:
        vpc = {"ec2:Vpc": arn("vpc", there.security_groups[group])}
        yield "ec2:CreateNetworkInterface", arn("security-group", group), vpc
