"""The accounts' networks: no way to the internet, few ways anywhere, and what the cost page says of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner

from isthmus import lifeline, names, network
from isthmus.cli import isthmus
from isthmus.config import WORKLOADS, Platform, read_platform
from isthmus.infra import assembly as assemblies
from isthmus.local.aws.bootstrap import bootstrap_all, laptop_user
from tests.cdk.conftest import CHECKOUT, FULL
from tests.infra import everything
from tests.local.conftest import (
    ACCOUNTS,
    AUTOMATION,
    PROD,
    REGION,
    Aws,
    Issuer,
    free_port,
    programs,
    start_aws,
)

__all__ = ["programs"]

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
VARIANTS: dict[str, dict[str, Any]] = {
    "three": {"mode": "managed", "zones": 3},
    "elsewhere": {"mode": "managed", "zone_letters": ["a", "d"]},
    "existing": {"mode": "existing"},
}
Templates = dict[str, dict[str, Any]]


Vpcs = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, programs: str) -> Iterator[Aws]:
    """A local AWS whose accounts have VPCs of their own before any platform comes."""
    port = free_port()
    process = start_aws(
        tmp_path_factory.mktemp("company"), "http://127.0.0.1:9/jwks", port, {"PATH": programs}
    )
    yield Aws(f"http://127.0.0.1:{port}", REGION, Issuer())
    lifeline.stop(process)


@pytest.fixture(scope="module")
def vpcs(company: Aws) -> Vpcs:
    """Of each account, as platform.yaml names it."""
    return {account: _made_by_hand(company.client("ec2", number)) for account, number in ACCOUNTS.items()}


def _made_by_hand(ec2: Any) -> dict[str, Any]:
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/24")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.0.{64 * n}/26", AvailabilityZone=f"{REGION}{zone}")
        for n, zone in enumerate("abc")
    ]
    return {"vpc_id": vpc, "subnet_ids": [one["Subnet"]["SubnetId"] for one in subnets]}


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory, vpcs: Vpcs) -> Path:
    """A folder with a platform.yaml and an assembly for each variant of the checkout's platform."""
    folder = tmp_path_factory.mktemp("networks")
    document = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    VARIANTS["existing"]["vpcs"] = vpcs
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
    """An account's resources, without those of its API: the way into a private one is in test_api.py."""
    resources = json.loads((assembly / f"isthmus-{account}.template.json").read_text())["Resources"]
    return {id_: one for id_, one in resources.items() if not id_.startswith("Api")}


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
        buckets = {f"isthmus-*-{owner}-eu-west-1" for owner in (own, automation)}
        if account == "dev":  # where Studio's start script finds `isthmus`
            buckets.add(names.asset_bucket(own, "eu-west-1"))
        assert {arn.split(":::")[1].split("/")[0] for arn in statement["Resource"]} == buckets


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


def test_an_existing_vpc_gets_a_security_group_and_nothing_else(variants: Path, vpcs: Vpcs) -> None:
    for account in ACCOUNTS:
        resources = read(variants / "existing", account)
        kinds = {one["Type"] for one in resources.values() if one["Type"].startswith("AWS::EC2::")}
        assert kinds == {
            "AWS::EC2::SecurityGroup",
            "AWS::EC2::SecurityGroupEgress",
            "AWS::EC2::SecurityGroupIngress",
        }
        (group,) = of_type(resources, "AWS::EC2::SecurityGroup").values()
        assert group["VpcId"] == vpcs[account]["vpc_id"]


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


# ---------------------------------------------------------------- deployed and destroyed


def deploy(aws: Aws, variant: Path) -> Platform:
    platform = read_platform(variant.with_suffix(".yaml"))
    bootstrap_all(aws.root, platform)
    laptop = laptop_user(aws.root, REGION, AUTOMATION)
    session = boto3.Session(laptop["AWS_ACCESS_KEY_ID"], laptop["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", aws.url)
        assemblies.deploy(session, variant)
    return platform


@pytest.fixture(scope="module")
def deployed(variants: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A local AWS of its own, in whose accounts the platform with three zones stands."""
    port = free_port()
    process = start_aws(tmp_path_factory.mktemp("aws"), "http://127.0.0.1:9/jwks", port)
    aws = Aws(f"http://127.0.0.1:{port}", REGION, Issuer())
    deploy(aws, variants / "three")
    yield aws
    lifeline.stop(process)


def test_jobs_and_endpoints_run_in_the_vpc_that_was_there_and_it_outlives_them(
    company: Aws, variants: Path, vpcs: Vpcs
) -> None:
    platform = deploy(company, variants / "existing")
    everything.fill_stage(company, platform, "prod", everything.fill_automation(company, platform))
    sagemaker = company.client("sagemaker", PROD)
    (served,) = sagemaker.list_models()["Models"]
    runs = company.client("sagemaker", AUTOMATION)
    (running,) = runs.list_processing_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"]
    job = runs.describe_processing_job(ProcessingJobName=running["ProcessingJobName"])
    for account, found in (
        ("prod", sagemaker.describe_model(ModelName=served["ModelName"])["VpcConfig"]),
        ("automation", job["NetworkConfig"]["VpcConfig"]),
    ):
        assert found["Subnets"] == vpcs[account]["subnet_ids"]
        groups = company.client("ec2", ACCOUNTS[account]).describe_security_groups(
            GroupIds=found["SecurityGroupIds"]
        )["SecurityGroups"]
        assert [group["VpcId"] for group in groups] == [vpcs[account]["vpc_id"]]
    for account, number in (("prod", PROD), ("automation", AUTOMATION)):
        root = {
            "AWS_ENDPOINT_URL": company.url,
            "AWS_ACCESS_KEY_ID": number,
            "AWS_SECRET_ACCESS_KEY": "test",
            "ISTHMUS_PLATFORM": str(variants / "existing.yaml"),
        }
        done = CliRunner(env=root).invoke(
            isthmus, ["destroy", account, "--bootstrap", "--confirm", "isthmus"]
        )
        assert done.exit_code == 0, done.exception
        left = everything.left(company, number)
        assert left - {"laptop"} == {vpcs[account]["vpc_id"]}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_it_stands_and_is_written_down_as_it_stands(deployed: Aws, platform: Platform, account: str) -> None:
    ec2, ssm = (deployed.client(service, ACCOUNTS[account]) for service in ("ec2", "ssm"))

    def written(noun: str) -> str:
        name = names.network_parameter(platform, noun)
        return ssm.get_parameter(Name=name)["Parameter"]["Value"]

    subnets = ec2.describe_subnets(SubnetIds=[written(f"subnet-{n}") for n in (1, 2, 3)])["Subnets"]
    assert [subnet["AvailabilityZone"][-1] for subnet in subnets] == ["a", "b", "c"]
    (group,) = ec2.describe_security_groups(GroupIds=[written("security-group")])["SecurityGroups"]
    assert {subnet["VpcId"] for subnet in subnets} == {group["VpcId"]} == {written("vpc")}
    (table,) = {
        table["RouteTableId"]: table
        for table in ec2.describe_route_tables()["RouteTables"]
        if {"SubnetId", subnets[0]["SubnetId"]} & {a.get("SubnetId") for a in table["Associations"]}
    }.values()
    assert {route["DestinationCidrBlock"] for route in table["Routes"]} == {
        str(getattr(platform.network.cidrs, account))
    }
    (log,) = ec2.describe_flow_logs()["FlowLogs"]
    assert (log["ResourceId"], log["FlowLogStatus"]) == (written("vpc"), "ACTIVE")


def test_nothing_of_it_is_left_when_its_stacks_are_deleted(deployed: Aws) -> None:
    """Last in this file. Keys and buckets are kept, with what they hold."""
    for account in ACCOUNTS.values():
        cloudformation, ec2 = (deployed.client(service, account) for service in ("cloudformation", "ec2"))
        stacks = [
            one for one in cloudformation.describe_stacks()["Stacks"] if one["StackName"] != "CDKToolkit"
        ]
        # Models' stacks first, which stand on their account's.
        for name in sorted((stack["StackName"] for stack in stacks), key=len, reverse=True):
            cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
            cloudformation.delete_stack(StackName=name)
            cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
            )
        assert [vpc["CidrBlock"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == []
        assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
        assert ec2.describe_flow_logs()["FlowLogs"] == []
        written = deployed.client("logs", account).describe_log_groups(logGroupNamePrefix="/isthmus/network")
        assert written["logGroups"] == []
        groups = ec2.describe_security_groups()["SecurityGroups"]
        assert {group["GroupName"] for group in groups} <= {"default"}


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
