"""`isthmus doctor` on a set-up that works, and on one in which each thing was broken, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from isthmus.azure.client import Client
from isthmus.azure.identity import Target
from isthmus.azure.present import Present
from isthmus.cli import isthmus
from isthmus.doctor.checks import CHECKS
from isthmus.infra import change
from isthmus.infra.toolkit import VERSION
from tests.cdk.conftest import MODEL
from tests.doctor.conftest import Clinic
from tests.local.conftest import AUTOMATION, ISSUER, PROD, REGION, STAGING

HOST = ISSUER.removeprefix("https://")
DEPLOY = f"isthmus-{MODEL}-deploy"
MODEL_STACK = f"isthmus-automation-{MODEL}"
BOUNDARY = "its boundary is another version's"


def test_a_set_up_that_works_is_well(clinic: Clinic) -> None:
    done = clinic.run("--json")
    found = json.loads(done.output)
    assert done.exit_code == 0, done.output
    assert {one["check"] for one in found} == {check.name for check in CHECKS}
    unwell = [one for one in found if one["status"] != "ok"]
    # The laptop has one approver.
    assert [(one["check"], one["status"]) for one in unwell] == [("approvers", "warning")], unwell


def test_what_entra_must_believe_is_told(clinic: Clinic) -> None:
    said = clinic.run("--only", "tokens-out", COLUMNS="200").output
    role = f"arn:aws:iam::{AUTOMATION}:role/isthmus-bridge"
    assert f"subject {role}" in " ".join(said.split())
    assert "1 ok" in said


def described(clinic: Clinic) -> str:
    """The clinic's platform.yaml."""
    return Path(clinic.variables["ISTHMUS_PLATFORM"]).read_text()


@contextmanager
def trusting(clinic: Clinic, **other: str) -> Iterator[None]:
    """The deploy role of prod with another claim in its trust."""
    with trust_of(clinic) as (iam, before):
        text = json.dumps(before)
        for old, new in other.items():
            text = text.replace({"subject": "deploy-prod", "audience": "api://AzureAD"}[old], new)
        iam.update_assume_role_policy(RoleName=DEPLOY, PolicyDocument=text)
        yield


@contextmanager
def trust_of(clinic: Clinic) -> Iterator[tuple[Any, dict[str, Any]]]:
    """IAM of prod and the trust of the deploy role there, which is as before in the end."""
    iam = clinic.root("iam", PROD)
    before = iam.get_role(RoleName=DEPLOY)["Role"]["AssumeRolePolicyDocument"]
    yield iam, before
    iam.update_assume_role_policy(RoleName=DEPLOY, PolicyDocument=json.dumps(before))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (
            {"subject": "deploy-staging"},
            f"it trusts subject 'sc://contoso/weather/isthmus-{MODEL}-deploy-staging', but tokens of "
            f"isthmus-{MODEL}-deploy-prod carry 'sc://contoso/weather/isthmus-{MODEL}-deploy-prod'",
        ),
        (
            {"audience": "api://Other"},
            f"it trusts audience 'api://OtherTokenExchange', but tokens of isthmus-{MODEL}-deploy-prod "
            "carry 'api://AzureADTokenExchange'",
        ),
    ],
)
def test_a_role_that_trusts_other_tokens(clinic: Clinic, other: dict[str, str], says: str) -> None:
    with trusting(clinic, **other):
        (found,) = clinic.findings("trust")
    assert (found["status"], found["place"], found["about"]) == ("missing", "prod", f"role {DEPLOY}")
    assert found["says"] == says
    assert f"--stack-name isthmus-prod-{MODEL}" in found["remedy"]
    assert "--deployment-mode REVERT_DRIFT" in found["remedy"]
    assert clinic.findings("trust") == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"},
            "it trusts what is not its connection's: issuer 'any', audience 'any', subject 'any'",
        ),
        (
            {"Principal": {"AWS": f"arn:aws:iam::{PROD}:root"}, "Action": "sts:AssumeRole"},
            f"it lets arn:aws:iam::{PROD}:root in without a token of isthmus-{MODEL}-deploy-prod",
        ),
    ],
)
def test_a_role_that_lets_in_others_too(clinic: Clinic, more: dict[str, Any], says: str) -> None:
    with trust_of(clinic) as (iam, before):
        document = before | {"Statement": [*before["Statement"], {"Effect": "Allow"} | more]}
        iam.update_assume_role_policy(RoleName=DEPLOY, PolicyDocument=json.dumps(document))
        (found,) = clinic.findings("trust")
    assert (found["about"], found["says"]) == (f"role {DEPLOY}", says)
    assert "--deployment-mode REVERT_DRIFT" in found["remedy"]
    assert clinic.findings("trust") == []


def test_an_identity_provider_that_is_gone(clinic: Clinic) -> None:
    iam, arn = clinic.root("iam", STAGING), f"arn:aws:iam::{STAGING}:oidc-provider/{HOST}"
    known = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    try:
        (found,) = clinic.findings("trust")
        assert found["about"] == f"identity provider {HOST}"
        assert found["says"] == "AWS believes no token of this issuer"
    finally:
        iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=known["ClientIDList"])
    assert clinic.findings("trust") == []


def with_snow(clinic: Clinic, folder: Path) -> str:
    """A platform.yaml with a model more, which was not deployed."""
    file = folder / "platform.yaml"
    snow = (
        "name: snow, owner: a@contoso.example, build_repository: snow-build, deploy_repository: snow-deploy"
    )
    file.write_text(f"{described(clinic)}  - {{{snow}}}\n")
    return str(file)


def test_a_stack_that_is_not_there_and_a_role_of_it(clinic: Clinic, tmp_path: Path) -> None:
    file = with_snow(clinic, tmp_path)
    found = clinic.findings("stacks", ISTHMUS_PLATFORM=file)
    assert [(one["place"], one["about"], one["says"]) for one in found] == [
        (account, f"stack isthmus-{account}-snow", "it is not there")
        for account in ("automation", "staging", "prod")
    ]
    assert found[0]["remedy"] == "isthmus infra synth && isthmus infra deploy --account automation"
    roles = clinic.findings("trust", ISTHMUS_PLATFORM=file)
    assert ("prod", "role isthmus-snow-deploy", "it is not there") in [
        (one["place"], one["about"], one["says"]) for one in roles
    ]


def test_a_stack_that_never_stood(clinic: Clinic, tmp_path: Path) -> None:
    cfn, name = clinic.root("cloudformation", PROD), "isthmus-prod-snow"
    taken = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/cdk-bootstrap/hnb659fds/version"}}
    cfn.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"One": taken}}))
    change.poll(lambda: change.described(cfn, name), lambda one: not one["StackStatus"].endswith("PROGRESS"))
    try:
        found = clinic.findings("stacks", ISTHMUS_PLATFORM=with_snow(clinic, tmp_path))
    finally:
        cfn.delete_stack(StackName=name)
    says = "its last change failed (ROLLBACK_COMPLETE): it never stood"
    assert (f"stack {name}", says) in [(one["about"], one["says"]) for one in found]


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [("version", "20", f"it is version 20; {VERSION} is needed"), ("boundary", "other", BOUNDARY)],
)
def test_a_bootstrap_of_another_version(clinic: Clinic, parameter: str, value: str, says: str) -> None:
    ssm, name = clinic.root("ssm", PROD), f"/cdk-bootstrap/hnb659fds/{parameter}"
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.put_parameter(Name=name, Value=value, Overwrite=True)
    try:
        (found,) = clinic.findings("bootstrap")
    finally:
        ssm.put_parameter(Name=name, Value=before, Overwrite=True)
    assert (found["says"], found["remedy"]) == (says, "isthmus account bootstrap prod")


def test_tokens_that_aws_does_not_sign(clinic: Clinic) -> None:
    iam = clinic.root("iam", AUTOMATION)
    iam.disable_outbound_web_identity_federation()
    try:
        (found,) = clinic.findings("tokens-out")
    finally:
        iam.enable_outbound_web_identity_federation()
    assert found["says"].startswith("it is off: AWS signs no token for the bridge")
    assert found["remedy"] == "isthmus account bootstrap automation"


def test_a_session_that_is_too_short(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    # AWS lets no role have less than an hour; so it is asked for more.
    asked = Target.__init__.__defaults__
    monkeypatch.setattr(Target.__init__, "__defaults__", (7200,))
    found = clinic.findings("sessions")
    assert asked == (3600,)
    assert f"role {DEPLOY}" in [one["about"] for one in found]
    assert found[0]["says"] == (
        "a session may last 60 minutes, and isthmus assume asks for 120 minutes: AWS refuses it"
    )


def test_a_key_that_does_not_name_who_must_decrypt(clinic: Clinic) -> None:
    kms, alias = clinic.root("kms", AUTOMATION), "alias/isthmus-data"
    key = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before.replace("isthmus-*-model", "gone"))
    try:
        found = clinic.findings("keys")
    finally:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)
    model = f"isthmus-{MODEL}-model"
    assert [one["says"] for one in found] == [
        f"its policy does not let role {model} of account {account} kms:Decrypt, and the role must"
        for account in (STAGING, PROD)
    ]
    assert {one["about"] for one in found} == {f"key {alias}"}
    assert "--stack-name isthmus-automation " in found[0]["remedy"]
    assert clinic.findings("keys") == []


def test_a_bucket_that_does_not_let_in_who_must(clinic: Clinic) -> None:
    s3, bucket = clinic.root("s3", AUTOMATION), f"isthmus-artifacts-{AUTOMATION}-{REGION}"
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.put_bucket_policy(Bucket=bucket, Policy=before.replace(f"{PROD}:role/isthmus-*-model", "gone"))
    try:
        found = clinic.findings("buckets")
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=before)
    assert {one["about"] for one in found} == {f"bucket {bucket}"}
    role = f"role isthmus-{MODEL}-model of account {PROD}"
    assert f"its policy does not let {role} s3:GetObject, and the role must" in [one["says"] for one in found]
    assert clinic.findings("buckets") == []


def test_a_package_group_that_does_not_let_in_who_must(clinic: Clinic) -> None:
    sagemaker = clinic.root("sagemaker", AUTOMATION)
    before = sagemaker.get_model_package_group_policy(ModelPackageGroupName=MODEL)["ResourcePolicy"]
    other = before.replace(f"{PROD}:role/isthmus-operator", f"{PROD}:role/other")
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=MODEL, ResourcePolicy=other)
    try:
        found = clinic.findings("registry")
    finally:
        sagemaker.put_model_package_group_policy(ModelPackageGroupName=MODEL, ResourcePolicy=before)
    assert {one["about"] for one in found} == {f"model package group {MODEL}"}
    role = f"role isthmus-operator of account {PROD}"
    assert (
        f"its policy does not let {role} sagemaker:DescribeModelPackage, and the role must"
        in found[0]["says"]
    )
    assert f"--stack-name {MODEL_STACK} " in found[0]["remedy"]
    assert clinic.findings("registry") == []


def test_a_service_connection_that_is_gone(clinic: Clinic) -> None:
    there = Present(Client(clinic.azure.organization_url, "weather", clinic.azure.token("admin")))
    name = f"isthmus-{MODEL}-build"
    one = there.connection(name)
    there.clients.get_service_endpoint_client().delete_service_endpoint(one.id, [there.project()])
    (found,) = clinic.findings("connections")
    assert (found["about"], found["says"]) == (f"service connection {name}", "it is not there")
    assert found["remedy"] == "isthmus azure apply"
    mend(clinic)
    assert clinic.findings("connections") == []
    assert clinic.findings("project") == []


def mend(clinic: Clinic) -> None:
    """By the command that the doctor names."""
    done = CliRunner().invoke(isthmus, ["azure", "apply"], env=clinic.variables)
    assert done.exit_code == 0, done.output


def test_who_may_not_look_is_told_as_whom_one_may(clinic: Clinic) -> None:
    iam = clinic.root("iam", AUTOMATION)
    iam.create_user(UserName="passer-by")
    key = iam.create_access_key(UserName="passer-by")["AccessKey"]
    other = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    done = clinic.run("--only", "stacks", "--json", **other)
    found = json.loads(done.output)
    assert (done.exit_code, {one["status"] for one in found}) == (5, {"could not look"})
    looks = f"arn:aws:iam::{PROD}:role/cdk-hnb659fds-lookup-role-{PROD}-{REGION}"
    assert f"{looks} may look, and who may assume it" in found[-1]["says"]
    told = clinic.run("--only", "stacks", "--only", "trust", **other).output
    assert "stacks, trust" in told
