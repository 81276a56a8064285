"""CloudFormation types of a VPC that ministack lacks or takes too lightly: rules, flow logs, endpoints.

EC2 refuses what names a resource that is not there, and does not delete what something still stands on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
_endpoint_xml = ec2._vpce_fields_xml
RULE = (
    "CidrIp",
    "CidrIpv6",
    "FromPort",
    "GroupId",
    "IpProtocol",
    "ToPort",
)


def install() -> None:
    ec2._vpce_fields_xml = _whole_endpoint_xml
    handlers = provisioners._RESOURCE_HANDLERS
    for name, stands in (("AWS::EC2::Subnet", _on_subnet), ("AWS::EC2::SecurityGroup", _on_group)):
        handlers[name] |= {"delete": _deleting(handlers[name]["delete"], stands)}
    for name in ("AWS::EC2::Subnet", "AWS::EC2::SecurityGroup", "AWS::EC2::VPCEndpoint"):
        handlers[name] |= {"create": _creating(handlers[name]["create"])}
    provisioners._REPLACING_PROPERTIES.setdefault(
        "AWS::EC2::VPCEndpoint", ("ServiceName", "VpcEndpointType", "VpcId")
    )


# ---------------------------------------------------------------- what must be there


def missing(properties: Properties) -> str | None:
    """What EC2 says of the first VPC, subnet, route table or group that is named and is not there."""
    for kind, known, ids in _named(properties):
        for one in ids:
            if one not in known:
                return f"The {kind} ID '{one}' does not exist"
    return None


def _named(properties: Properties) -> Iterator[tuple[str, Any, list[str]]]:
    vpc = properties.get("VpcId")
    yield "vpc", ec2._vpcs, [vpc] if vpc else []
    yield "subnet", ec2._subnets, properties.get("SubnetIds") or []
    yield "route table", ec2._route_tables, properties.get("RouteTableIds") or []
    yield "security group", ec2._security_groups, properties.get("SecurityGroupIds") or []


def _creating(inner: Callable[[str, Properties, str], Created]) -> Callable[[str, Properties, str], Created]:
    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        if why := missing(properties):
            raise ValueError(why)
        return inner(logical_id, properties, stack)

    return create


# ---------------------------------------------------------------- what stands on what


def _deleting(
    inner: Callable[[str, Properties], None], stands_on: Callable[[str], list[str]]
) -> Callable[[str, Properties], None]:
    def delete(physical_id: str, properties: Properties) -> None:
        if dependents := stands_on(physical_id):
            raise ValueError(f"{physical_id} has a dependent object: {dependents[0]} (DependencyViolation)")
        inner(physical_id, properties)

    return delete


def _on_subnet(subnet: str) -> list[str]:
    return [one["VpcEndpointId"] for one in ec2._vpc_endpoints.values() if subnet in one["SubnetIds"]]


def _on_group(group: str) -> list[str]:
    endpoints = [
        one["VpcEndpointId"] for one in ec2._vpc_endpoints.values() if group in one["SecurityGroupIds"]
    ]
    others = [one for one in ec2._security_groups.values() if one["GroupId"] != group]
    return endpoints + [one["GroupId"] for one in others if group in _referred_to(one)]


def _referred_to(group: dict[str, Any]) -> set[str]:
    rules = [*group["IpPermissions"], *group["IpPermissionsEgress"]]
    return {pair.get("GroupId", "") for rule in rules for pair in rule["UserIdGroupPairs"]}


# ---------------------------------------------------------------- rules


def _rule_creating(egress: bool) -> Callable[[str, Properties, str], Created]:
    def create(_logical_id: str, properties: Properties, _stack: str) -> Created:
        group = ec2._security_groups.get(properties["GroupId"])
        if group is None:
            raise ValueError(f"The security group '{properties['GroupId']}' does not exist")
        (rule,) = provisioners._ec2_sg_permissions([properties])
        rules = group["IpPermissionsEgress" if egress else "IpPermissions"]
        if any(ec2._rules_match(rule, other) for other in rules):
            raise ValueError("the specified rule already exists (InvalidPermission.Duplicate)")
        rule["SecurityGroupRuleId"] = ec2._sg_rule_id(properties["GroupId"], egress, rule)
        rules.append(rule)
        return rule["SecurityGroupRuleId"], {"Id": rule["SecurityGroupRuleId"]}

    return create


def _rule_delete(physical_id: str, _properties: Properties) -> None:
    for group in ec2._security_groups.values():
        for side in ("IpPermissions", "IpPermissionsEgress"):
            group[side] = [one for one in group[side] if one.get("SecurityGroupRuleId") != physical_id]


# ---------------------------------------------------------------- flow logs and endpoints


def _flow_log_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    stores = {"VPC": ec2._vpcs, "Subnet": ec2._subnets, "NetworkInterface": ec2._network_interfaces}
    if properties["ResourceId"] not in stores[properties["ResourceType"]]:
        raise ValueError(f"{properties['ResourceType']} {properties['ResourceId']} does not exist")
    names = (
        "ResourceType",
        "TrafficType",
        "LogDestinationType",
        "LogDestination",
        "LogGroupName",
        "MaxAggregationInterval",
        "DeliverLogsPermissionArn",
    )
    request = {name: properties[name] for name in names if name in properties}
    before = set(ec2._flow_logs)
    ec2._create_flow_logs(request | {"ResourceId.1": properties["ResourceId"]})
    (made,) = set(ec2._flow_logs) - before
    ec2._flow_logs[made] |= request
    return made, {"Id": made}


def _flow_log_delete(physical_id: str, _properties: Properties) -> None:
    ec2._delete_flow_logs({"FlowLogId.1": physical_id})


def _whole_endpoint_xml(endpoint: dict[str, Any], tag: str = "item") -> str:
    """With the policy, the groups and the private names, which ministack keeps and does not tell."""
    policy = endpoint.get("PolicyDocument") or ""
    policy = policy if isinstance(policy, str) else json.dumps(policy)
    groups = "".join(f"<item><groupId>{one}</groupId></item>" for one in endpoint["SecurityGroupIds"])
    private = str(endpoint.get("PrivateDnsEnabled", False)).lower()
    more = (
        f"<policyDocument>{escape(policy)}</policyDocument><groupSet>{groups}</groupSet>"
        f"<privateDnsEnabled>{private}</privateDnsEnabled>"
    )
    whole: str = _endpoint_xml(endpoint, tag)
    return whole.removesuffix(f"</{tag}>") + more + f"</{tag}>"


TYPES: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "AWS::EC2::SecurityGroupIngress": (
        _rule_creating(egress=False),
        _rule_delete,
        (*RULE, "SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName"),
    ),
    "AWS::EC2::SecurityGroupEgress": (
        _rule_creating(egress=True),
        _rule_delete,
        (*RULE, "DestinationPrefixListId", "DestinationSecurityGroupId"),
    ),
    "AWS::EC2::FlowLog": (
        _flow_log_create,
        _flow_log_delete,
        (
            "DeliverLogsPermissionArn",
            "LogDestination",
            "LogDestinationType",
            "LogFormat",
            "LogGroupName",
            "MaxAggregationInterval",
            "ResourceId",
            "ResourceType",
            "TrafficType",
        ),
    ),
}
