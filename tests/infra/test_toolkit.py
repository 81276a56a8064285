"""The bootstrap's template and boundary, against CDK's own template and AWS's own list of permissions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from isthmus import names
from isthmus.config import WORKLOADS, AccountRole, Platform, read_platform
from isthmus.infra.check import check_templates
from isthmus.infra.manifest import Stack, read_stacks
from isthmus.infra.toolkit import VERSION, Toolkit
from tests.cdk.conftest import CHECKOUT, FULL

CDK = CHECKOUT / "node_modules" / ".bin" / "cdk"
Template = dict[str, Any]
EVERY = (*WORKLOADS, "management")
VERBS = ("create", "read", "update", "delete")
# What AWS's handlers list for features that no stack uses.
UNUSED = {
    "iam:*GroupPolicy",
    "iam:*UserPolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DescribeOrganization",  # no action of IAM's, though a schema of WAF's names it
    "autoscaling:DescribeTags",
    "efs:*",  # of a Studio domain with a file system, which ours has not
    # A web ACL may stand before other things than an API of ours.
    "amplify:*WebA*",
    "apprunner:*Web*",
    "bedrock-agentcore:*WebACL*",
    "appsync:*WebACL*",
    "cognito-idp:*WebACL*",
    "ec2:*VerifiedAccessInstanceWebAcl*",
    "elasticloadbalancing:*WebACL*",
    "elasticloadbalancing:*WebAcl*",
    "kinesis:*",
    "payments:GetConnectedAccount",  # of subscribers to a paid rule group, which ours has none of
    "s3files:*",
    "s3tables:*",
    "vpc-lattice:*",
    "vpce:AllowMultiRegion",
}


@pytest.fixture
def toolkit(platform: Platform) -> Toolkit:
    return Toolkit.of(platform, "prod")


def allowed(template: Template) -> list[str]:
    statements = template["Resources"]["Boundary"]["Properties"]["PolicyDocument"]["Statement"]
    return [action for one in statements if one["Effect"] == "Allow" for action in one["Action"]]


def beyond(actions: set[str], patterns: list[str]) -> set[str]:
    return {a for a in actions if not any(fnmatchcase(a.lower(), p.lower()) for p in patterns)}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("Effect") == "Allow":
            yield value
        for item in value.values():
            yield from statements(item)
    elif isinstance(value, list):
        for item in value:
            yield from statements(item)


@pytest.fixture(scope="module")
def resources(full: Path) -> dict[str, list[dict[str, Any]]]:
    """All resources of each account, of a platform with everything that can be asked for."""
    found: dict[str, list[dict[str, Any]]] = {}
    roles = {account: role for role, account in read_platform(FULL).accounts}
    for stack in read_stacks(full):
        role = roles[stack.account]
        found.setdefault(role, []).extend(json.loads(stack.template.read_text())["Resources"].values())
    return found


@pytest.mark.parametrize("role", EVERY)
def test_a_deployment_may_make_change_and_delete_all_that_the_stacks_hold(
    resources: dict[str, list[dict[str, Any]]], platform: Platform, role: AccountRole
) -> None:
    """By AWS's own list: each type's handlers say which permissions CloudFormation's role needs for them."""
    within = [*allowed(Toolkit.of(read_platform(FULL), role).template()), *UNUSED]
    for resource_type in {one["Type"] for one in resources[role]}:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(platform.region, resource_type).schema
        handlers = schema.get("handlers", {})
        needed = {p for verb in VERBS for p in handlers.get(verb, {}).get("permissions", [])}
        # Accounts are retained, and closed by nobody.
        assert beyond(needed - {"organizations:CloseAccount"}, within) == set(), resource_type


@pytest.mark.parametrize("role", WORKLOADS)
def test_each_role_can_do_what_its_policy_says(
    resources: dict[str, list[dict[str, Any]]], platform: Platform, role: str
) -> None:
    policies = [r["Properties"] for r in resources[role] if r["Type"].startswith("AWS::IAM::")]
    actions = {action for one in statements(policies) for action in listed(one["Action"])}
    within = [*allowed(Toolkit.of(platform, role).template()), "sts:AssumeRoleWithWebIdentity"]
    assert actions and beyond(actions, within) == set()


def test_each_role_that_a_stack_makes_carries_the_boundary(
    resources: dict[str, list[dict[str, Any]]], platform: Platform
) -> None:
    for role in WORKLOADS:
        account = getattr(platform.accounts, role)
        boundary = f"arn:aws:iam::{account}:policy/{names.boundary(account, platform.region)}"
        made = [r["Properties"] for r in resources[role] if r["Type"] == "AWS::IAM::Role"]
        assert made and {one["PermissionsBoundary"] for one in made} == {boundary}


def test_cfn_lint_finds_nothing_and_each_policy_fits(platform: Platform, tmp_path: Path) -> None:
    files = []
    for role in EVERY:
        toolkit = Toolkit(platform.name, role, "555566667777", platform.region, platform.accounts.automation)
        policy = toolkit.template()["Resources"]["Boundary"]["Properties"]["PolicyDocument"]
        assert len(json.dumps(policy, separators=(",", ":"))) <= 6144
        files.append(tmp_path / f"{role}.json")
        files[-1].write_text(json.dumps(toolkit.template()))
    assert [str(finding) for finding in check_templates(files)] == []


@pytest.mark.skipif(not CDK.exists(), reason="the cdk command line is not installed: make install")
def test_what_cdk_makes_too_is_called_the_same(toolkit: Toolkit) -> None:
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(CHECKOUT)}
    shown = subprocess.run(
        [str(CDK), "bootstrap", "--show-template"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    theirs, ours = yaml.safe_load(shown), toolkit.template()
    assert theirs["Outputs"]["BootstrapVersion"]["Value"] == VERSION
    assert set(ours["Outputs"]) <= {*theirs["Outputs"], "BootstrapVariant"}
    for name, resource in ours["Resources"].items():
        if name in ("Boundary", "BoundaryRevision"):
            continue
        there = theirs["Resources"][name]
        assert there["Type"] == resource["Type"]
        for key in ("RoleName", "BucketName", "Name"):
            if key in resource["Properties"]:
                assert _filled(there["Properties"][key], toolkit) == resource["Properties"][key]


def _filled(value: Any, toolkit: Toolkit) -> str:
    text: str = value["Fn::If"][2]["Fn::Sub"] if "Fn::If" in value else value["Fn::Sub"]
    for key, part in {
        "${Qualifier}": names.BOOTSTRAP,
        "${AWS::AccountId}": toolkit.account,
        "${AWS::Region}": toolkit.region,
    }.items():
        text = text.replace(key, part)
    return text


def test_the_assembly_asks_for_the_roles_that_the_bootstrap_makes(assembly: Path, platform: Platform) -> None:
    made = {
        names.role_arn(getattr(platform.accounts, role), r["Properties"]["RoleName"])
        for role in WORKLOADS
        for r in Toolkit.of(platform, role).template()["Resources"].values()
        if r["Type"] == "AWS::IAM::Role"
    }
    stacks: list[Stack] = read_stacks(assembly)
    asked = {role for stack in stacks for role in (stack.role, stack.execution_role)}
    asked |= {asset.role for stack in stacks for asset in stack.assets}
    assert asked <= made
