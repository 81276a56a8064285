"""`isthmus account bootstrap`, and what a deployment can and cannot do in an account that is bootstrapped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from isthmus.cli import isthmus
from isthmus.config import Platform
from isthmus.errors import Problem, Refused
from isthmus.infra.change import Change, apply
from isthmus.infra.toolkit import STACK, VERSION, Toolkit
from tests.cdk.conftest import CHECKOUT
from tests.infra.conftest import Cloud
from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import AUTOMATION, REGION, ROOT_SECRET

NEW, PLAIN, OLD, GUARDED = "555566667777", "666677778888", "777788889999", "888899990000"
Use = Callable[[str], None]


def call(*words: str) -> Result:
    return CliRunner().invoke(isthmus, list(words))


@pytest.fixture
def with_dev(
    cloud: Cloud, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Let platform.yaml name another dev account; the person at the command line is the laptop's."""

    def use(account: str) -> None:
        file = tmp_path / "platform.yaml"
        file.write_text((CHECKOUT / "platform.yaml").read_text().replace(platform.accounts.dev, account))
        monkeypatch.setenv("ISTHMUS_PLATFORM", str(file))

    for name, value in cloud.laptop.items():
        monkeypatch.setenv(name, value)
    return use


def toolkit_of(account: str) -> Toolkit:
    return Toolkit("isthmus", "dev", account, REGION, AUTOMATION)


def made(cloud: Cloud, account: str, template: dict[str, Any], name: str = STACK, role: str = "") -> None:
    text = json.dumps(template)
    change = Change(name, text, None, {}, {}, role or None)
    apply(cloud.aws.client("cloudformation", account), change, lambda _: None)


# ---------------------------------------------------------------- accounts that cannot be deployed to


def refusal(assembly: Path) -> Refused:
    raised = call("infra", "deploy", "--assembly", str(assembly)).exception
    assert isinstance(raised, Refused)
    return raised


def test_an_account_that_is_not_bootstrapped_is_named_with_the_remedy(with_dev: Use, assembly: Path) -> None:
    with_dev(NEW)
    refused = refusal(assembly)
    assert refused.what.startswith(f"account {NEW} (dev) is not bootstrapped, or does not trust you")
    assert "(prod)" not in refused.what
    assert refused.todo.endswith("isthmus account bootstrap dev")


def test_a_bootstrap_of_cdks_own_has_no_boundary(cloud: Cloud, with_dev: Use, assembly: Path) -> None:
    template = toolkit_of(PLAIN).template()
    del template["Resources"]["BoundaryRevision"]
    made(cloud, PLAIN, template)
    with_dev(PLAIN)
    assert f"account {PLAIN} (dev) was bootstrapped by something else than Isthmus" in refusal(assembly).what


def test_an_older_boundary_is_renewed_by_bootstrapping_again(
    cloud: Cloud, with_dev: Use, assembly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = toolkit_of(OLD).template()
    template["Resources"]["BoundaryRevision"]["Properties"]["Value"] = "0" * 12
    template["Resources"]["Boundary"]["Properties"]["PolicyDocument"]["Statement"].pop()
    made(cloud, OLD, template)
    with_dev(OLD)
    assert "by another version of Isthmus" in refusal(assembly).what
    with monkeypatch.context() as root:
        root.setenv("AWS_ACCESS_KEY_ID", OLD)
        root.setenv("AWS_SECRET_ACCESS_KEY", ROOT_SECRET)
        assert call("account", "bootstrap", "dev").exit_code == 0
    # The assembly is of another dev account: there is nothing to deploy, and nothing against it.
    assert call("infra", "deploy", "--assembly", str(assembly), "--account", "dev").exit_code == 0


# ---------------------------------------------------------------- bootstrapping


def test_a_new_account_is_bootstrapped_by_the_role_that_organizations_made_there(
    cloud: Cloud, with_dev: Use
) -> None:
    with_dev(NEW)
    refused = call("account", "bootstrap", "dev").exception
    assert isinstance(refused, Refused) and "OrganizationAccountAccessRole" in refused.what
    make_role(cloud.aws, NEW, "Administrator", allow("*", "*"))
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"arn:aws:iam::{AUTOMATION}:root"},
    }
    cloud.aws.client("iam", NEW).update_assume_role_policy(
        RoleName="Administrator", PolicyDocument=policy(trust)
    )
    done = call("account", "bootstrap", "dev", "--as", "Administrator")
    assert (
        done.output.splitlines()[-1] == f"account {NEW} (dev) is bootstrapped; {AUTOMATION} may deploy there"
    )
    (stack,) = cloud.aws.client("cloudformation", NEW).describe_stacks(StackName=STACK)["Stacks"]
    assert stack["EnableTerminationProtection"] is True
    assert {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}["BootstrapVersion"] == VERSION


def test_the_template_can_be_read_before(with_dev: Use) -> None:
    with_dev(NEW)
    shown = call("account", "bootstrap", "dev", "--show")
    assert json.loads(shown.output) == toolkit_of(NEW).template()


def test_an_account_that_the_platform_has_not_is_named(with_dev: Use) -> None:
    with_dev(NEW)
    raised = call("account", "bootstrap", "management").exception
    assert isinstance(raised, Problem) and "no management account yet" in raised.what


# ---------------------------------------------------------------- what its boundary forbids

BOUNDARY = f"arn:aws:iam::{GUARDED}:policy/cdk-hnb659fds-boundary-{GUARDED}-{REGION}"
EXECUTION = f"arn:aws:iam::{GUARDED}:role/cdk-hnb659fds-cfn-exec-role-{GUARDED}-{REGION}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}
ROLE = {"RoleName": "isthmus-one", "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": BOUNDARY}
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture(scope="module")
def guarded(cloud: Cloud) -> Callable[..., None]:
    """Deploy one resource into a bootstrapped account, as its deploy role does."""
    made(cloud, GUARDED, toolkit_of(GUARDED).template())

    def deploy(resource_type: str, name: str = "isthmus-guarded", **properties: Any) -> None:
        template = {"Resources": {"One": {"Type": resource_type, "Properties": properties}}}
        made(cloud, GUARDED, template, name, EXECUTION)

    return deploy


@pytest.mark.parametrize(
    ("resource_type", "properties", "denied"),
    [
        ("AWS::IAM::User", {"UserName": "isthmus-eve"}, "iam:CreateUser"),
        ("AWS::IAM::Role", ROLE | {"RoleName": "another"}, "iam:CreateRole"),
        ("AWS::IAM::Role", ROLE | {"PermissionsBoundary": None}, "iam:CreateRole"),
        ("AWS::IAM::Role", ROLE | {"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
         "iam:CreateRole"),
        ("AWS::IAM::Role", ROLE | {"RoleName": EXECUTION.rsplit("/", 1)[-1]}, "iam:CreateRole"),
        ("AWS::IAM::ManagedPolicy", {"ManagedPolicyName": BOUNDARY.rsplit("/", 1)[-1],
                                     "PolicyDocument": EVERYTHING}, "iam:CreatePolicy"),
        ("AWS::IAM::ManagedPolicy", {"ManagedPolicyName": "isthmus-all", "PolicyDocument": EVERYTHING,
                                     "Roles": [EXECUTION.rsplit("/", 1)[-1]]}, "iam:AttachRolePolicy"),
    ],
)  # fmt: skip
def test_no_stack_makes_an_identity_beyond_the_boundary(
    guarded: Callable[..., None], resource_type: str, properties: dict[str, Any], denied: str
) -> None:
    wanted = {key: value for key, value in properties.items() if value is not None}
    with pytest.raises(Problem, match=f"not authorized to perform: {denied}"):
        guarded(resource_type, **wanted)


def test_a_role_with_the_boundary_can_do_no_more_than_it(cloud: Cloud, guarded: Callable[..., None]) -> None:
    account_trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": GUARDED}}
    guarded(
        "AWS::IAM::Role",
        "isthmus-bounded",
        **ROLE | {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [account_trust]}},
        Policies=[{"PolicyName": "all", "PolicyDocument": EVERYTHING | {"Version": "2012-10-17"}}],
    )
    credentials = cloud.aws.acting_as("isthmus-one", GUARDED)
    cloud.client("sqs", credentials).list_queues()
    for forbidden in (
        lambda: cloud.client("iam", credentials).create_user(UserName="eve"),
        lambda: cloud.client("organizations", credentials).describe_organization(),
        lambda: cloud.client("s3", credentials).create_bucket(Bucket="elsewhere"),
        lambda: cloud.client("ec2", credentials).create_internet_gateway(),
        lambda: cloud.client("cloudformation", credentials).delete_stack(StackName=STACK),
    ):
        with pytest.raises(Exception, match=r"AccessDenied|UnauthorizedOperation"):
            forbidden()
