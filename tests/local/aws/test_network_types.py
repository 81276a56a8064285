"""A VPC's parts by CloudFormation: told by EC2's API, refused where they cannot stand, deleted in order."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import ACCOUNTS, Aws

DEV = ACCOUNTS["dev"]
RULE = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}],
}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::EC2::{kind}", "Properties": properties}


VPC: dict[str, Any] = {
    "Vpc": resource("VPC", CidrBlock="10.9.0.0/24"),
    "Subnet": resource("Subnet", VpcId=ref("Vpc"), CidrBlock="10.9.0.0/26", AvailabilityZone="eu-west-1a"),
    "Group": resource("SecurityGroup", GroupDescription="jobs", VpcId=ref("Vpc"), SecurityGroupEgress=[
        RULE | {"CidrIp": "0.0.0.0/0"}
    ]),
    "In": resource(
        "SecurityGroupIngress", GroupId=ref("Group"), SourceSecurityGroupId=ref("Group"), **RULE
    ),
    "Out": resource(
        "SecurityGroupEgress", GroupId=ref("Group"), DestinationSecurityGroupId=ref("Group"), **RULE
    ),
    "Log": resource(
        "FlowLog",
        ResourceType="VPC",
        ResourceId=ref("Vpc"),
        TrafficType="ALL",
        LogDestinationType="cloud-watch-logs",
        LogDestination="arn:aws:logs:eu-west-1:111122223333:log-group:flows",
    ),
    "Endpoint": resource(
        "VPCEndpoint",
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.eu-west-1.logs",
        VpcId=ref("Vpc"),
        SubnetIds=[ref("Subnet")],
        SecurityGroupIds=[ref("Group")],
        PrivateDnsEnabled=True,
        PolicyDocument=POLICY,
    ),
}  # fmt: skip


class Account:
    """CloudFormation and EC2 in the dev account, as its root."""

    def __init__(self, aws: Aws) -> None:
        self.ec2, self.cloudformation = aws.client("ec2", DEV), aws.client("cloudformation", DEV)

    def make(self, name: str, resources: dict[str, Any], *, update: bool = False) -> dict[str, str]:
        """Make or change the stack and return its resources' ids; `AssertionError` has the reasons."""
        outputs = {key: {"Value": ref(key)} for key in resources}
        body = json.dumps({"Resources": resources, "Outputs": outputs})
        change = self.cloudformation.update_stack if update else self.cloudformation.create_stack
        change(StackName=name, TemplateBody=body)
        stack = self.settled(name)
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), self.reasons(name)
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def delete(self, name: str) -> str:
        stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=name)
        return self.settled(stack)["StackStatus"]

    def settled(self, name: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            (stack,) = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
        raise AssertionError(f"{name} is still {stack['StackStatus']}")

    def reasons(self, name: str) -> str:
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return " | ".join(event.get("ResourceStatusReason", "") for event in events)

    def rules(self, group: str) -> list[tuple[bool, str]]:
        """(egress, group referred to or address range) of each rule of a group."""
        found = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        return sorted(
            (rule["IsEgress"], rule.get("ReferencedGroupInfo", {}).get("GroupId") or rule["CidrIpv4"])
            for rule in found["SecurityGroupRules"]
        )


@pytest.fixture
def account(aws: Aws) -> Account:
    return Account(aws)


def test_what_stands_is_told_by_ec2_and_gone_with_the_stack(account: Account) -> None:
    ids = account.make("network-whole", VPC)
    assert account.rules(ids["Group"]) == [
        (False, ids["Group"]),
        (True, "0.0.0.0/0"),
        (True, ids["Group"]),
    ]
    (log,) = account.ec2.describe_flow_logs(FlowLogIds=[ids["Log"]])["FlowLogs"]
    assert (log["ResourceId"], log["TrafficType"], log["FlowLogStatus"]) == (ids["Vpc"], "ALL", "ACTIVE")
    (endpoint,) = account.ec2.describe_vpc_endpoints(VpcEndpointIds=[ids["Endpoint"]])["VpcEndpoints"]
    assert json.loads(endpoint["PolicyDocument"]) == POLICY
    assert [group["GroupId"] for group in endpoint["Groups"]] == [ids["Group"]]
    assert endpoint["PrivateDnsEnabled"] is True
    assert account.delete("network-whole") == "DELETE_COMPLETE"
    assert account.ec2.describe_flow_logs(FlowLogIds=[ids["Log"]])["FlowLogs"] == []
    for find in (
        lambda: account.ec2.describe_vpcs(VpcIds=[ids["Vpc"]]),
        lambda: account.ec2.describe_subnets(SubnetIds=[ids["Subnet"]]),
        lambda: account.ec2.describe_security_groups(GroupIds=[ids["Group"]]),
    ):
        with pytest.raises(ClientError, match="NotFound"):
            find()


def test_a_changed_rule_takes_the_old_ones_place(account: Account) -> None:
    ids = account.make("network-rules", VPC)
    changed = VPC | {
        "In": resource("SecurityGroupIngress", GroupId=ref("Group"), CidrIp="10.9.0.0/24", **RULE)
    }
    account.make("network-rules", changed, update=True)
    assert account.rules(ids["Group"]) == [
        (False, "10.9.0.0/24"),
        (True, "0.0.0.0/0"),
        (True, ids["Group"]),
    ]
    assert account.delete("network-rules") == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("Endpoint", {"SubnetIds": ["subnet-0f"]}, "subnet-0f' does not exist"),
        ("Endpoint", {"SecurityGroupIds": ["sg-0f"]}, "sg-0f' does not exist"),
        ("Log", {"ResourceId": "vpc-0f"}, "vpc-0f does not exist"),
        ("In", {"GroupId": "sg-0f"}, "sg-0f' does not exist"),
    ],
)
def test_what_stands_on_nothing_is_refused(account: Account, name: str, change: dict, reason: str) -> None:
    broken = VPC[name] | {"Properties": VPC[name]["Properties"] | change}
    with pytest.raises(AssertionError, match=reason):
        account.make("network-broken", VPC | {name: broken})
    assert account.delete("network-broken") == "DELETE_COMPLETE"


def test_a_rule_that_is_there_already_is_refused(account: Account) -> None:
    with pytest.raises(AssertionError, match="already exists"):
        account.make("network-twice", VPC | {"Again": VPC["In"]})
    assert account.delete("network-twice") == "DELETE_COMPLETE"


def test_a_subnet_and_a_group_stay_while_an_endpoint_stands_on_them(account: Account) -> None:
    ids = account.make("network-below", {key: VPC[key] for key in ("Vpc", "Subnet", "Group")})
    above = VPC["Endpoint"]["Properties"] | {
        "VpcId": ids["Vpc"], "SubnetIds": [ids["Subnet"]], "SecurityGroupIds": [ids["Group"]]
    }  # fmt: skip
    account.make("network-above", {"Endpoint": VPC["Endpoint"] | {"Properties": above}})
    assert account.delete("network-below") == "DELETE_FAILED"
    assert "DependencyViolation" in account.reasons("network-below")
    assert account.delete("network-above") == "DELETE_COMPLETE"
    assert account.delete("network-below") == "DELETE_COMPLETE"
