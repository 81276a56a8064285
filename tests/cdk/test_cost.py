"""The cost page counts what stands: what costs while it is idle is in the templates as often as it says."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from isthmus.config import WORKLOADS, DeployConfig, read_platform
from isthmus.infra.manifest import read_stacks
from tests.cdk.conftest import CHECKOUT, FULL

PAGE = (CHECKOUT / "docs" / "cost.md").read_text()
TYPES = {
    "KMS keys": "AWS::KMS::Key",
    "dashboards": "AWS::CloudWatch::Dashboard",
    "alarms": "AWS::CloudWatch::Alarm",
    "interface endpoints, for each zone": "AWS::EC2::VPCEndpoint",
    "web ACLs": "AWS::WAFv2::WebACL",
    "shared endpoints": "AWS::SageMaker::Endpoint",
}
# What costs by the hour or month for being there, and has no place on the page, should have one.
STANDING = {
    *TYPES.values(),
    "AWS::OpenSearchServerless::Collection",
    "AWS::OSIS::Pipeline",
}
COSTLY = re.compile(
    r"NatGateway|LoadBalancer|TransitGateway|::EIP$|::Instance$|DBCluster|DBInstance|CacheCluster|Cluster$"
    r"|MlflowTrackingServer|SageMaker::Endpoint$|NotebookInstance|Secret$|WebACL$|VPCEndpoint$|KMS::Key$"
    r"|Dashboard$|::Alarm$|Collection$|DataflowEndpoint|Workspace$|FileSystem$|Domain$"
    r"|OSIS::Pipeline$|DeliveryStream$|MlflowApp$"
)
# The page says so: nothing but what passes through costs, or nothing at all.
FREE = {"AWS::SageMaker::Domain", "AWS::KinesisFirehose::DeliveryStream", "AWS::SageMaker::MlflowApp"}


def counted(assembly: Path, platform: Path) -> dict[str, Counter[str]]:
    """By account, how often each type stands that costs; gateway endpoints cost nothing."""
    found: dict[str, Counter[str]] = {}
    roles = {number: role for role, number in read_platform(platform).accounts}
    for stack in read_stacks(assembly):
        resources = json.loads(stack.template.read_text())["Resources"].values()
        types = [one["Type"] for one in resources if one["Properties"].get("VpcEndpointType") != "Gateway"]
        found.setdefault(roles[stack.account], Counter()).update(types)
    return found


def rows(choice: str) -> dict[str, list[int]]:
    found = re.findall(rf"^\| {choice}: (.+?) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.M)
    return {name: list(map(int, numbers)) for name, *numbers in found}


@pytest.mark.parametrize("choice", ["by default", "with everything"])
def test_the_page_counts_what_the_templates_hold(assembly: Path, full: Path, choice: str) -> None:
    everything = choice == "with everything"
    platform = FULL if everything else CHECKOUT / "platform.yaml"
    found = counted(full if everything else assembly, platform)
    said = rows(choice)
    for name, kind in TYPES.items():
        there = [found[account][kind] for account in WORKLOADS]
        assert said.get(name, [0, 0, 0, 0]) == there, name
    assert said.keys() <= TYPES.keys()


def test_nothing_stands_that_the_page_does_not_name(full: Path) -> None:
    there = {kind for types in counted(full, FULL).values() for kind in types}
    assert {kind for kind in there if COSTLY.search(kind)} == STANDING | FREE


def test_what_the_default_costs_is_its_keys_and_a_models_endpoints(assembly: Path) -> None:
    found = counted(assembly, CHECKOUT / "platform.yaml")
    keys = sum(types["AWS::KMS::Key"] for types in found.values())
    assert f"**{keys}.00 a month, {keys / 730:.3f} an hour**" in PAGE
    asked = DeployConfig(model="rain").capacity
    endpoints = [asked.staging, asked.prod]
    assert {one.instance_type for one in endpoints} == {"ml.m5.large"}
    count = sum(one.instance_count for one in endpoints)
    row = re.search(r"^\| an endpoint of one ml\.m5\.large.* \| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.M)
    assert row
    hour, month = count * float(row[1]), count * float(row[2])
    assert f"otherwise: {month:.2f} a month" in PAGE
    assert f"**{keys + month:.2f} a month, {keys / 730 + hour:.3f} an hour**" in PAGE
    # Below what CloudWatch asks money for.
    assert all(types["AWS::CloudWatch::Alarm"] <= 10 for types in found.values())
    assert all(types["AWS::CloudWatch::Dashboard"] <= 3 for types in found.values())
