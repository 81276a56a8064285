"""The accounts' networks: no way to the internet, few ways anywhere, and what the cost page says of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus import names, network
from isthmus.config import WORKLOADS, Platform, read_platform
from isthmus.infra.check import check
from tests.cdk.conftest import CHECKOUT, FULL

ACCOUNTS = ("dev", "automation", "staging", "prod")
# Every other variant in one process, because starting CDK takes longer than synthesizing.
SYNTHESIZE = """
import sys
from pathlib import Path
from isthmus.infra.node import use_node
use_node()
from cdk.accounts import application
from isthmus.config import read_platform
for file in map(Path, sys.argv[1:]):
    application(read_platform(file), str(file.with_suffix(""))).synth()
"""
EXISTING = {
    account: {"vpc_id": f"vpc-{n:017x}", "subnet_ids": [f"subnet-{n}{zone:016x}" for zone in range(3)]}
    for n, account in enumerate(ACCOUNTS)
}
VARIANTS = {
    "three": {"mode": "managed", "zones": 3},
    "elsewhere": {"mode": "managed", "zone_letters": ["a", "d"]},
    "existing": {"mode": "existing", "vpcs": EXISTING},
}
Templates = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a platform.yaml and an assembly for each variant of the checkout's platform."""
    folder = tmp_path_factory.mktemp("networks")
    document = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    for name, wanted in VARIANTS.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document | {"network": wanted}))
    files = [str(folder / f"{name}.yaml") for name in VARIANTS]
    done = subprocess.run(
        [sys.executable, "-c", SYNTHESIZE, *files],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def read(assembly: Path, account: str) -> dict[str, Any]:
    return json.loads((assembly / f"isthmus-{account}.template.json").read_text())["Resources"]


def of_type(resources: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type, by logical id."""
    return {id_: one["Properties"] for id_, one in resources.items() if one["Type"] == kind}


def endpoints(resources: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The endpoints by their service's name."""
    found = of_type(resources, "AWS::EC2::VPCEndpoint").values()
    return {
        re.sub(r"^(com\.amazonaws|aws\.sagemaker)\.[^.]+\.", "", one["ServiceName"]): one for one in found
    }


# ---------------------------------------------------------------- no way to the internet


@pytest.mark.parametrize("account", ACCOUNTS)
def test_nothing_leads_to_the_internet(full: Path, account: str) -> None:
    resources = read(full, account)
    kinds = {one["Type"] for one in resources.values()}
    assert not kinds & {
        "AWS::EC2::Route",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::EgressOnlyInternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::EC2::EIP",
    }
    subnets = of_type(resources, "AWS::EC2::Subnet")
    assert all(subnet["MapPublicIpOnLaunch"] is False for subnet in subnets.values())
    routed = of_type(resources, "AWS::EC2::SubnetRouteTableAssociation").values()
    assert {one["SubnetId"]["Ref"] for one in routed} == set(subnets)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_all_traffic_is_logged_where_it_is_encrypted(full: Path, account: str) -> None:
    resources = read(full, account)
    ((vpc, _),) = of_type(resources, "AWS::EC2::VPC").items()
    (log,) = of_type(resources, "AWS::EC2::FlowLog").values()
    assert (log["ResourceId"], log["TrafficType"]) == ({"Ref": vpc}, "ALL")
    group = resources[log["LogDestination"]["Fn::GetAtt"][0]]["Properties"]
    assert group["KmsKeyId"] and group["RetentionInDays"] == 365


# ---------------------------------------------------------------- security groups


@pytest.mark.parametrize("account", ACCOUNTS)
def test_rules_name_ports_and_groups_and_let_nobody_in_from_outside(full: Path, account: str) -> None:
    resources = read(full, account)
    groups = of_type(resources, "AWS::EC2::SecurityGroup")
    inward = [rule for group in groups.values() for rule in group.get("SecurityGroupIngress", [])]
    inward += of_type(resources, "AWS::EC2::SecurityGroupIngress").values()
    outward = [rule for group in groups.values() for rule in group["SecurityGroupEgress"]]
    outward += of_type(resources, "AWS::EC2::SecurityGroupEgress").values()
    assert inward and all("SourceSecurityGroupId" in rule for rule in inward)
    assert all(rule["IpProtocol"] == "tcp" and rule["Description"] for rule in inward + outward)
    open_to_all = [rule for rule in outward if "CidrIp" in rule]
    assert {(rule["FromPort"], rule["ToPort"]) for rule in open_to_all} == {(443, 443)}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_nothing_uses_the_vpcs_default_group(full: Path, account: str) -> None:
    assert "DefaultSecurityGroup" not in json.dumps(read(full, account))


# ---------------------------------------------------------------- endpoints


def test_endpoints_are_just_those_that_something_calls(full: Path, variants: Path) -> None:
    studio = {"sagemaker.api", "sagemaker.runtime", "sts", "logs", "glue", "emr-serverless", "experiments"}
    assert set(endpoints(read(full, "dev"))) == {"s3", *studio}
    for assembly in (full, variants / "three"):
        assert set(endpoints(read(assembly, "automation"))) == {"s3"}
        for stage in ("staging", "prod"):
            assert set(endpoints(read(assembly, stage))) == {"s3", "monitoring"}
    assert set(endpoints(read(variants / "three", "dev"))) == {"s3"}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_each_endpoint_lets_only_the_platforms_accounts_pass(full: Path, account: str) -> None:
    accounts = read_platform(FULL).accounts
    ours = sorted(getattr(accounts, role) for role in WORKLOADS)
    for name, endpoint in endpoints(read(full, account)).items():
        for statement in endpoint["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            assert all(re.fullmatch(r"[a-z0-9-]+:\w+|[a-z0-9-]+:\*", one) for one in statement["Action"]), (
                name
            )
            condition = statement["Condition"]
            assert sorted(condition["StringEquals"]["aws:PrincipalAccount"]) == ours, name
            assert sorted(condition["StringEqualsIfExists"]["aws:ResourceAccount"]) == ours, name


def test_files_leave_to_the_platforms_buckets_only(full: Path, platform: Platform) -> None:
    for account in ACCOUNTS:
        (statement,) = endpoints(read(full, account))["s3"]["PolicyDocument"]["Statement"]
        own, automation = getattr(platform.accounts, account), platform.accounts.automation
        assert {arn.split(":::")[1].split("/")[0] for arn in statement["Resource"]} == {
            f"isthmus-*-{owner}-eu-west-1" for owner in (own, automation)
        }


@pytest.mark.parametrize("account", ACCOUNTS)
def test_interfaces_stand_in_every_subnet_behind_their_own_group(full: Path, account: str) -> None:
    resources = read(full, account)
    subnets = [{"Ref": id_} for id_ in of_type(resources, "AWS::EC2::Subnet")]
    for name, endpoint in endpoints(resources).items():
        if name == "s3":
            assert endpoint["VpcEndpointType"] == "Gateway" and endpoint["RouteTableIds"]
            continue
        assert endpoint["SubnetIds"] == subnets and endpoint["PrivateDnsEnabled"] is True
        (group,) = endpoint["SecurityGroupIds"]
        assert "Interface endpoints" in resources[group["Fn::GetAtt"][0]]["Properties"]["GroupDescription"]


# ---------------------------------------------------------------- zones, existing VPCs, none


def test_zones_are_as_many_as_asked_and_a_third_moves_no_subnet(full: Path, variants: Path) -> None:
    def zones(assembly: Path) -> dict[str, str]:
        found = of_type(read(assembly, "prod"), "AWS::EC2::Subnet").values()
        return {one["AvailabilityZone"]["Fn::Sub"][-1]: one["CidrBlock"] for one in found}

    assert zones(full) == {"a": "10.40.48.0/22", "b": "10.40.52.0/22"}
    assert zones(variants / "three") == zones(full) | {"c": "10.40.56.0/22"}
    assert set(zones(variants / "elsewhere")) == {"a", "d"}


def test_an_existing_vpc_gets_a_security_group_and_nothing_else(variants: Path) -> None:
    for n, account in enumerate(ACCOUNTS):
        resources = read(variants / "existing", account)
        kinds = {one["Type"] for one in resources.values() if one["Type"].startswith("AWS::EC2::")}
        assert kinds == {
            "AWS::EC2::SecurityGroup",
            "AWS::EC2::SecurityGroupEgress",
            "AWS::EC2::SecurityGroupIngress",
        }
        (group,) = of_type(resources, "AWS::EC2::SecurityGroup").values()
        assert group["VpcId"] == f"vpc-{n:017x}"


def test_a_platform_without_a_network_has_nothing_of_one(templates: Templates) -> None:
    for account in ACCOUNTS:
        text = json.dumps(templates[account])
        assert "AWS::EC2::" not in text and "/network/" not in text and "ec2:" not in text


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_written_down_is_what_is_asked_for(variants: Path, name: str) -> None:
    platform = read_platform(variants / f"{name}.yaml")
    for account in ACCOUNTS:
        wanted = network.parameters(platform, account)
        assert wanted is not None
        parameters = of_type(read(variants / name, account), "AWS::SSM::Parameter").values()
        named = {one["Name"] for one in parameters if "/network/" in one["Name"]}
        assert named == {*wanted.subnets, wanted.security_group, names.network_parameter(platform, "vpc")}
        assert len(wanted.subnets) == {"three": 3, "elsewhere": 2, "existing": 3}[name]


@pytest.mark.parametrize("name", VARIANTS)
def test_cfn_lint_finds_nothing_in_any_variant(variants: Path, name: str) -> None:
    assert check(variants / name) == []


# ---------------------------------------------------------------- what docs/cost.md says


def test_the_cost_page_counts_what_stands(full: Path, variants: Path) -> None:
    page = (CHECKOUT / "docs" / "cost.md").read_text()

    def interfaces(assembly: Path) -> int:
        return sum(len(endpoints(read(assembly, account))) - 1 for account in ACCOUNTS)

    optional = 3
    for zones, services in ((3, interfaces(variants / "three")), (2, interfaces(full) - optional)):
        assert f"{services} services × {zones} zones = {services * zones} |" in page
    rows = re.findall(r"= (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", page)
    assert len(rows) == 4
    for count, *prices in rows:
        east, west = int(count) * 0.01, int(count) * 0.011
        expected = [east, east * 730, west, west * 730]
        assert [float(price) for price in prices] == pytest.approx(expected, abs=0.005)
