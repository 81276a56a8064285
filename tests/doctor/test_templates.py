"""The checks of policies on what the templates say, as if it were deployed; and with a word of it changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.doctor.buckets import buckets
from isthmus.doctor.finding import Finding
from isthmus.doctor.keys import keys
from isthmus.doctor.policy import allows
from isthmus.doctor.registry import registry
from isthmus.doctor.sight import Role, Sight
from isthmus.doctor.trust import trust
from isthmus.infra.manifest import read_stacks
from tests.cdk.conftest import MODEL, assembly, platform
from tests.local.conftest import AUTOMATION, ISSUER, PROD, REGION, STAGING

__all__ = ["assembly", "platform"]
Template = dict[str, Any]
DEPLOY = f"isthmus-{MODEL}-deploy"
HOST = ISSUER.removeprefix("https://")


class Drawn(Sight):
    """Sees the accounts as their stacks' templates say; `changes` are words that stand otherwise there."""

    def __init__(self, platform: Platform, templates: dict[str, Template], **changes: str) -> None:
        super().__init__(platform)
        self._templates, self._changes = templates, changes

    def _client(self, account: AccountRole, service: str) -> Any:
        return Client(self, account)

    def _template(self, account: AccountRole, stack: str) -> Template:
        return self._templates[stack]

    def resources(self, account: AccountRole, kind: str) -> Iterator[Template]:
        """The properties of an account's resources of a kind, changed where they are to be."""
        for stack, template in self._templates.items():
            if stack.startswith(names.stack(self.platform, account)):
                for id_, one in template["Resources"].items():
                    if one["Type"] == kind:
                        yield self._changed(kind, id_, one.get("Properties", {}))

    def _changed(self, kind: str, id_: str, properties: Template) -> Template:
        text = json.dumps(properties)
        if kind == self._changes.get("kind"):
            text = text.replace(self._changes["old"], self._changes["new"])
        found: Template = json.loads(text)
        return found | {"LogicalId": id_}

    def arn(self, account: AccountRole, value: Any) -> Any:
        """A key's ARN where a template refers to the key."""
        if isinstance(value, dict) and "Fn::GetAtt" in value:
            return f"arn:aws:kms:{REGION}:{self.number(account)}:key/{value['Fn::GetAtt'][0]}"
        return value

    def _roles(self, account: AccountRole) -> dict[str, Role]:
        policies = {
            one["ManagedPolicyName"]: one["PolicyDocument"]
            for one in self.resources(account, "AWS::IAM::ManagedPolicy")
        }
        found = {}
        for one in self.resources(account, "AWS::IAM::Role"):
            attached = [policies.get(str(arn).rpartition("/")[2]) for arn in one["ManagedPolicyArns"]]
            attached = [each or policies.get(one["RoleName"]) for each in attached]
            may = [self._resolved(account, each) for document in attached for each in allows(document)]
            tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
            arn = names.role_arn(self.number(account), one["RoleName"])
            found[one["RoleName"]] = Role(one["RoleName"], arn, one["AssumeRolePolicyDocument"], may, tags)
        return found

    def _resolved(self, account: AccountRole, statement: Template) -> Template:
        resources = statement["Resource"]
        listed = resources if isinstance(resources, list) else [resources]
        return statement | {"Resource": [self.arn(account, one) for one in listed]}


class Client:
    """The answers of KMS, S3, SageMaker and IAM that the checks ask for."""

    def __init__(self, sight: Drawn, account: AccountRole) -> None:
        self._sight, self._account = sight, account
        self.exceptions = type("Exceptions", (), {"ClientError": LookupError})

    def get_paginator(self, _name: str) -> Any:
        aliases = [
            {"AliasName": one["AliasName"], "TargetKeyId": one["TargetKeyId"]["Ref"]}
            for one in self._sight.resources(self._account, "AWS::KMS::Alias")
        ]
        return type("Pages", (), {"paginate": lambda _: [{"Aliases": aliases}]})()

    def describe_key(self, KeyId: str) -> Template:
        arn = f"arn:aws:kms:{REGION}:{self._sight.number(self._account)}:key/{KeyId}"
        return {"KeyMetadata": {"KeyId": KeyId, "Arn": arn, "KeyState": "Enabled"}}

    def get_key_policy(self, KeyId: str, PolicyName: str) -> Template:
        assert PolicyName == "default"
        (one,) = (
            one for one in self._sight.resources(self._account, "AWS::KMS::Key") if one["LogicalId"] == KeyId
        )
        return {"Policy": json.dumps(one["KeyPolicy"])}

    def get_bucket_policy(self, Bucket: str) -> Template:
        ids = {
            one["BucketName"]: one["LogicalId"]
            for one in self._sight.resources(self._account, "AWS::S3::Bucket")
        }
        (one,) = (
            one
            for one in self._sight.resources(self._account, "AWS::S3::BucketPolicy")
            if one["Bucket"] == {"Ref": ids[Bucket]}
        )
        return {"Policy": json.dumps(one["PolicyDocument"])}

    def get_model_package_group_policy(self, ModelPackageGroupName: str) -> Template:
        groups = self._sight.resources(self._account, "AWS::SageMaker::ModelPackageGroup")
        (one,) = (one for one in groups if one["ModelPackageGroupName"] == ModelPackageGroupName)
        return {"ResourcePolicy": json.dumps(one["ModelPackageGroupPolicy"])}

    def _providers(self) -> dict[str, list[str]]:
        where = f"arn:aws:iam::{self._sight.number(self._account)}:oidc-provider/"
        return {
            where + one["Url"].removeprefix("https://"): one["ClientIdList"]
            for one in self._sight.resources(self._account, "AWS::IAM::OIDCProvider")
        }

    def list_open_id_connect_providers(self) -> Template:
        return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in self._providers()]}

    def get_open_id_connect_provider(self, OpenIDConnectProviderArn: str) -> Template:
        return {"ClientIDList": self._providers()[OpenIDConnectProviderArn]}


@cache
def read(folder: Path) -> dict[str, Template]:
    return {stack.name: json.loads(stack.template.read_text()) for stack in read_stacks(folder)}


@pytest.fixture
def templates(assembly: Path) -> dict[str, Template]:
    return read(assembly)


def test_what_the_templates_say_is_well(platform: Platform, templates: dict[str, Template]) -> None:
    sight = Drawn(platform, templates)
    for account in ("dev", "automation", "staging", "prod"):
        assert [*trust(sight, account), *keys(sight, account), *buckets(sight, account)] == []
    assert list(registry(sight, "automation")) == []
    # And there was something to be well.
    assert {MODEL} == {role.tags.get("model", MODEL) for role in sight.roles("prod").values()}
    assert len(sight.roles("prod")) > 8


def said(found: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(one.about, one.says) for one in found]


def test_a_role_that_a_key_does_not_name(platform: Platform, templates: dict[str, Template]) -> None:
    sight = Drawn(platform, templates, kind="AWS::KMS::Key", old="isthmus-*-model", new="gone")
    role = f"role isthmus-{MODEL}-model of account"
    lacks = "its policy does not let {} {} {}, and the role must"
    found = list(keys(sight, "automation"))
    assert said(iter(found)) == [
        ("key alias/isthmus-data", lacks.format(role, account, "kms:Decrypt")) for account in (STAGING, PROD)
    ]
    # The template names it: so it was taken away by hand.
    assert "--stack-name isthmus-automation " in found[0].remedy
    assert "REVERT_DRIFT" in found[0].remedy
    assert said(keys(sight, "prod")) == [
        (f"key alias/isthmus-{key}", lacks.format(role, PROD, action))
        for key in ("data", "messages")
        for action in ("kms:Decrypt", "kms:GenerateDataKey")
    ]


def test_a_role_that_a_bucket_does_not_let_in(platform: Platform, templates: dict[str, Template]) -> None:
    old = f"{PROD}:role/isthmus-*-model"
    sight = Drawn(platform, templates, kind="AWS::S3::BucketPolicy", old=old, new="gone")
    bucket = f"bucket isthmus-artifacts-{AUTOMATION}-{REGION}"
    lacks = f"its policy does not let role isthmus-{MODEL}-model of account {PROD} {{}}, and the role must"
    assert said(buckets(sight, "automation")) == [
        (bucket, lacks.format(action)) for action in ("s3:GetObject", "s3:ListBucket")
    ]


def test_a_role_that_a_package_group_does_not_let_in(
    platform: Platform, templates: dict[str, Template]
) -> None:
    kind, old = "AWS::SageMaker::ModelPackageGroup", f"{PROD}:role/isthmus-operator"
    found = list(registry(Drawn(platform, templates, kind=kind, old=old, new="gone"), "automation"))
    lacks = f"its policy does not let role isthmus-operator of account {PROD} {{}}, and the role must"
    assert said(iter(found)) == [
        (f"model package group {MODEL}", lacks.format(f"sagemaker:{action}"))
        for action in ("DescribeModelPackage", "DescribeModelPackageGroup", "ListModelPackages")
    ]
    assert f"--stack-name isthmus-automation-{MODEL} " in found[0].remedy


def test_a_policy_that_was_never_deployed_is_mended_by_a_deployment(
    platform: Platform, templates: dict[str, Template]
) -> None:
    """Where the stack's own template does not name the role either."""
    old = json.loads(json.dumps(templates).replace("isthmus-*-model", "isthmus-*-other"))
    (found, *_) = keys(Drawn(platform, old), "prod")
    assert found.remedy == "isthmus infra synth && isthmus infra deploy --account prod"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            f"{MODEL}-deploy-prod",
            f"{MODEL}-deploy-staging",
            f"it trusts subject 'sc://contoso/weather/isthmus-{MODEL}-deploy-staging', but tokens of "
            f"isthmus-{MODEL}-deploy-prod carry 'sc://contoso/weather/isthmus-{MODEL}-deploy-prod'",
        ),
        (
            "api://AzureADTokenExchange",
            "api://Other",
            f"it trusts audience 'api://Other', but tokens of isthmus-{MODEL}-deploy-prod carry "
            "'api://AzureADTokenExchange'",
        ),
        (
            HOST,
            "vstoken.dev.azure.com/other",
            f"it trusts issuer 'vstoken.dev.azure.com/other', but tokens of isthmus-{MODEL}-deploy-prod "
            f"carry '{HOST}'",
        ),
        (
            "StringEquals",
            "StringLike",
            "it trusts audience 'api://AzureADTokenExchange (StringLike)', but tokens of "
            f"isthmus-{MODEL}-deploy-prod carry 'api://AzureADTokenExchange'; it trusts subject "
            f"'sc://contoso/weather/isthmus-{MODEL}-deploy-prod (StringLike)', but tokens of "
            f"isthmus-{MODEL}-deploy-prod carry 'sc://contoso/weather/isthmus-{MODEL}-deploy-prod'",
        ),
    ],
)
def test_a_role_that_trusts_other_tokens(
    platform: Platform, templates: dict[str, Template], old: str, new: str, says: str
) -> None:
    sight = Drawn(platform, templates, kind="AWS::IAM::Role", old=old, new=new)
    (found,) = (one for one in trust(sight, "prod") if one.about == f"role {DEPLOY}")
    assert found.says == says
    assert f"--stack-name isthmus-prod-{MODEL} " in found.remedy


def test_an_identity_provider_for_others(platform: Platform, templates: dict[str, Template]) -> None:
    kind, old = "AWS::IAM::OIDCProvider", "api://AzureADTokenExchange"
    (found,) = trust(Drawn(platform, templates, kind=kind, old=old, new="api://Other"), "dev")
    assert found.about == f"identity provider {HOST}"
    assert found.says == "it takes tokens for api://Other, but they are for api://AzureADTokenExchange"
