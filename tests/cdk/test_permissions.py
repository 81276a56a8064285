"""Least privilege, read from the templates: who may be whom, and who may do what with what.

That each action fits its resources is test_actions.py's to show, and what roles may really do tests/infra's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus import names
from isthmus.config import DeployConfig, Platform
from isthmus.deploy import alarms
from isthmus.deploy.registered import Registered
from tests.cdk.conftest import MODEL, OF_MODEL, STACKS, read_templates

Templates = dict[str, dict[str, Any]]
SAY_NOT_FOR_WHOM = {"apigateway.amazonaws.com", "chatbot.amazonaws.com", "cloudformation.amazonaws.com"}
USES_OF_KEYS = {
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}


@pytest.fixture(scope="module")
def templates(full: Path, platform: Platform) -> Templates:
    """Of a platform with everything that can be asked for."""
    return read_templates(full, platform)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowing(template: dict[str, Any], *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each Allow statement in the policies of resources of these types, with the resource's name."""
    for name, resource in template["Resources"].items():
        if resource["Type"] in types:
            yield from ((name, s) for s in _statements(resource["Properties"]) if s["Effect"] == "Allow")


def _statements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        for item in value.values():
            yield from _statements(item)
    elif isinstance(value, list):
        for item in value:
            yield from _statements(item)


@pytest.mark.parametrize("stack", STACKS)
def test_no_resource_is_open_to_everyone(templates: Templates, stack: str) -> None:
    types = {r["Type"] for r in templates[stack]["Resources"].values()} - {
        "AWS::IAM::ManagedPolicy",
        "AWS::EC2::VPCEndpoint",  # whose principals are conditions: tests/cdk/test_network.py
        "AWS::ApiGateway::RestApi",  # whose callers have tokens, and come from a VPC: tests/cdk/test_api.py
    }
    for name, statement in allowing(templates[stack], *types):
        principal = statement.get("Principal")
        assert principal != "*" and listed((principal or {}).get("AWS", [])) != ["*"], name
        if "AWS" in (principal or {}):
            assert not [a for a in listed(statement["Action"]) if "*" in a], name


@pytest.mark.parametrize("stack", STACKS)
def test_each_role_is_entered_by_exactly_one_connection_or_service(templates: Templates, stack: str) -> None:
    for resource in templates[stack]["Resources"].values():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for trust in _statements(resource["Properties"]["AssumeRolePolicyDocument"]):
            if trust["Action"] == "sts:AssumeRoleWithWebIdentity":
                exact = trust["Condition"]["StringEquals"]
                assert {key.rsplit(":", 1)[-1] for key in exact} == {"aud", "sub"}
                assert all(isinstance(value, str) and "*" not in value for value in exact.values())


@pytest.mark.parametrize("stack", STACKS)
def test_services_are_roles_for_this_account_only(templates: Templates, stack: str) -> None:
    """But those that do not say for whom they act; nobody passes a role to them from another account."""
    for name, resource in templates[stack]["Resources"].items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for trust in _statements(resource["Properties"]["AssumeRolePolicyDocument"]):
            if "Service" in trust["Principal"] and trust["Principal"]["Service"] not in SAY_NOT_FOR_WHOM:
                assert trust["Condition"]["StringEquals"]["aws:SourceAccount"], name


def test_each_stage_is_entered_by_its_own_connection(templates: Templates, platform: Platform) -> None:
    host = platform.azure.token_issuer.removeprefix("https://")
    for stage in ("staging", "prod"):
        role = next(
            r["Properties"]
            for r in templates[f"{stage}-{MODEL}"]["Resources"].values()
            if r["Properties"].get("RoleName") == names.deploy_role(platform, MODEL)
        )
        trust = next(
            one
            for one in _statements(role["AssumeRolePolicyDocument"])
            if f"{host}:sub" in one["Condition"]["StringEquals"]
        )
        connection = names.deploy_connection(platform, MODEL, stage)
        assert trust["Condition"]["StringEquals"][f"{host}:sub"] == names.connection_subject(
            platform, connection
        )


def test_only_the_approver_and_by_rule_the_bridge_may_change_an_approval(
    templates: Templates, platform: Platform
) -> None:
    template = templates["automation"]
    may = {
        resource["Properties"]["ManagedPolicyName"]
        for name, resource in template["Resources"].items()
        for other, statement in allowing(template, "AWS::IAM::ManagedPolicy")
        if other == name and "sagemaker:UpdateModelPackage" in listed(statement["Action"])
    }
    assert may == {names.approver_role(platform), names.bridge(platform)}
    group = list(allowing(templates[f"automation-{MODEL}"], "AWS::SageMaker::ModelPackageGroup"))
    assert group
    for _, statement in group:
        if "sagemaker:UpdateModelPackage" in listed(statement["Action"]):
            absent = statement["Condition"]["Null"]
            assert set(absent.values()) == {"true"} and "sagemaker:ModelApprovalStatus" in absent
            assert {f"sagemaker:CustomerMetadataProperties/{key}" for key in names.PROVENANCE} < set(absent)
            assert statement["Condition"]["StringEquals"]["sagemaker:ModelLifeCycle:stage"] in (
                "staging",
                "prod",
            )


def test_a_monitor_may_put_what_its_alarms_watch(templates: Templates, platform: Platform) -> None:
    monitoring = {"engine": "model-monitor", "model_quality": True}
    config = DeployConfig.model_validate({"model": MODEL, "monitoring": monitoring})
    registered = Registered(features=("wind",), classes=2, metric="auc", worst=0.6, higher_is_better=True)
    watched = [
        *alarms.watching(platform, DeployConfig(model=MODEL), "prod"),
        *alarms.watching_the_service(platform, config, "prod", registered),
    ]
    template, policy = templates["prod"], names.policy(platform, "monitor")
    (may,) = [
        statement["Condition"]["StringEquals"]["cloudwatch:namespace"]
        for name, statement in allowing(template, "AWS::IAM::ManagedPolicy")
        if template["Resources"][name]["Properties"]["ManagedPolicyName"] == policy
        and "cloudwatch:PutMetricData" in listed(statement["Action"])
    ]
    assert {one.namespace for one in watched} <= set(may)


def test_exactly_the_serving_accounts_forwarders_may_put_events(
    templates: Templates, platform: Platform
) -> None:
    found = [
        (statement["Principal"]["AWS"], statement["Condition"]["ArnLike"]["aws:PrincipalArn"])
        for _, statement in allowing(templates["automation"], "AWS::Events::EventBusPolicy")
    ]
    assert sorted(found) == [
        (f"arn:aws:iam::{account}:root", [names.role_arn(account, names.forwarder_role(platform))])
        for account in sorted((platform.accounts.staging, platform.accounts.prod))
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_a_whole_account_may_administer_a_key_and_not_use_it(templates: Templates, stack: str) -> None:
    for name, statement in allowing(templates[stack], "AWS::KMS::Key"):
        actions, condition = set(listed(statement["Action"])), statement.get("Condition", {})
        if "AWS" not in statement["Principal"]:
            assert condition, name
        elif "ArnLike" in condition:
            roles = condition["ArnLike"]["aws:PrincipalArn"]
            assert roles and not [arn for arn in roles if arn.endswith("*")], name
        else:
            assert "kms:PutKeyPolicy" in actions and not actions & USES_OF_KEYS, name


@pytest.mark.parametrize("stack", STACKS)
def test_nobody_may_change_the_tags_that_roles_are_told_apart_by(templates: Templates, stack: str) -> None:
    for name, statement in allowing(templates[stack], "AWS::IAM::ManagedPolicy", "AWS::IAM::Role"):
        actions = listed(statement["Action"])
        # The role of a service of AWS has no tags that its maker could give it.
        harmless = ("iam:CreateServiceLinkedRole", "iam:PassRole")
        assert not [a for a in actions if a.startswith("iam:") and a not in harmless], name
        assert "sts:TagSession" not in actions, name


@pytest.mark.parametrize("stack", OF_MODEL)
def test_a_models_roles_are_tagged_with_it_and_have_the_policy_of_their_kind(
    templates: Templates, platform: Platform, stack: str
) -> None:
    account = stack.removesuffix(f"-{MODEL}")
    policies = {
        resource["Properties"]["ManagedPolicyName"]
        for resource in templates[account]["Resources"].values()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }
    for resource in templates[stack]["Resources"].values():
        assert resource["Type"] != "AWS::IAM::ManagedPolicy"
        if resource["Type"] == "AWS::IAM::Role":
            role = resource["Properties"]
            tags = {tag["Key"]: tag["Value"] for tag in role["Tags"]}
            assert (tags["platform"], tags["model"]) == (platform.name, MODEL)
            kind = role["RoleName"].removeprefix(f"{platform.name}-{MODEL}-")
            policy, *others = role["ManagedPolicyArns"]
            assert [one.rsplit("-", 1)[-1] for one in others] == (
                ["kinds", "watching"] if kind == "cloudformation" else []
            )
            assert policy.endswith(f":{getattr(platform.accounts, account)}:policy/{platform.name}-{kind}")
            assert f"{platform.name}-{kind}" in policies


def test_no_role_may_be_held_for_longer_than_an_hour(templates: Templates) -> None:
    assert not [
        resource["Properties"]["RoleName"]
        for template in templates.values()
        for resource in template["Resources"].values()
        if "MaxSessionDuration" in resource.get("Properties", {})
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_policies_fit_into_what_iam_allows(templates: Templates, stack: str) -> None:
    for name, resource in templates[stack]["Resources"].items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            text = json.dumps(resource["Properties"]["PolicyDocument"], separators=(",", ":"))
            assert len(text) < 6144, name


@pytest.mark.parametrize("stack", STACKS)
def test_buckets_are_private_versioned_encrypted_and_tls_only(templates: Templates, stack: str) -> None:
    resources = templates[stack]["Resources"]
    denied = {
        json.dumps(r["Properties"]["Bucket"])
        for r in resources.values()
        if r["Type"] == "AWS::S3::BucketPolicy"
        and any(
            s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for s in _statements(r["Properties"])
        )
    }
    for name, resource in resources.items():
        if resource["Type"] != "AWS::S3::Bucket":
            continue
        properties = resource["Properties"]
        assert json.dumps({"Ref": name}) in denied
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["BucketEncryption"]
        assert resource["DeletionPolicy"] == "Retain"
