"""`isthmus destroy`, where everything that can be asked for stands, is filled and runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import yaml
from click.testing import CliRunner, Result

from isthmus import lifeline, names
from isthmus.cli import isthmus
from isthmus.config import Platform, read_platform
from isthmus.config.stages import ACCESS_ROLE
from isthmus.errors import BadInput, Refused
from isthmus.infra import assembly as assemblies
from isthmus.local.aws.bootstrap import bootstrap_all, laptop_user
from tests.cdk.conftest import CHECKOUT, FULL, full
from tests.infra import everything
from tests.infra.everything import MODEL, left
from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import (
    ACCOUNTS,
    AUTOMATION,
    PROD,
    REGION,
    STAGING,
    Aws,
    Issuer,
    free_port,
    programs,
    start_aws,
)

__all__ = ["full", "programs"]

DEV, MANAGEMENT = ACCOUNTS["dev"], "555566667777"
BOOTSTRAP_ROLES = ("cfn-exec", "deploy", "file-publishing", "lookup")
READ = [
    allow(["*:Get*", "*:List*", "*:Describe*"], "*"),
    {"Effect": "Deny", "Action": "cloudformation:Update*", "Resource": "*"},
]


@dataclass(frozen=True)
class Company:
    """Deployed accounts at work; the environments of their administrator, and of who deploys."""

    aws: Aws
    platform: Platform
    environment: dict[str, str]
    laptop: dict[str, str]

    def destroy(self, *words: str, **more: str) -> Result:
        return CliRunner(env=self.environment | more).invoke(isthmus, ["destroy", *words])


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, full: Path, programs: str) -> Iterator[Company]:
    port = free_port()
    process = start_aws(
        tmp_path_factory.mktemp("destroyed"),
        "http://127.0.0.1:9/jwks",
        port,
        {"PATH": programs},
        accounts=ACCOUNTS | {"management": MANAGEMENT},
        organization="r-ab12",
    )
    aws, platform = Aws(f"http://127.0.0.1:{port}", REGION, Issuer()), read_platform(FULL)
    bootstrap_all(aws.root, platform)
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": MANAGEMENT}})
    for account in ACCOUNTS.values():
        make_role(aws, account, ACCESS_ROLE, allow("*", "*"))
        aws.client("iam", account).update_assume_role_policy(RoleName=ACCESS_ROLE, PolicyDocument=trust)
    laptop = laptop_user(aws.root, REGION, AUTOMATION)
    session = boto3.Session(laptop["AWS_ACCESS_KEY_ID"], laptop["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    environment = {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": MANAGEMENT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "ISTHMUS_PLATFORM": str(FULL),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", aws.url)
        assemblies.deploy(session, full)
    everything.fill_dev(aws, platform)
    version = everything.fill_automation(aws, platform)
    for stage in ("staging", "prod"):
        everything.fill_stage(aws, platform, stage, version)
    yield Company(aws, platform, environment, environment | laptop)
    lifeline.stop(process)


@pytest.fixture(autouse=True)
def environment() -> None:
    """Not the cloud of this folder's other tests, which would be started for nothing."""


def left_in(company: Company, account: str) -> set[str]:
    """What the platform's own was, or came with it: people and what they enter by are neither."""
    return left(company.aws, account) - {ACCESS_ROLE, "laptop"}


def test_dev_goes_with_people_at_work_in_it(company: Company) -> None:
    assert {"of-ada", "weather--one", "weather-1", "isthmus-weather"} <= left_in(company, DEV)
    theirs, their_homes = another_domain(company.aws)
    gone = everything.home_folders(company.aws, DEV, theirs.replace("/d-", "/d-no-more-"))
    of_two = everything.home_folders(
        company.aws, DEV, theirs.replace("/d-", "/d-no-"), platform="isthmus-two"
    )
    done = company.destroy("dev", "--bootstrap", "--confirm", "isthmus")
    assert (done.exit_code, done.output.splitlines()[-1:]) == (0, ["destroyed"]), done.exception
    for told in ("Studio app JupyterLab default of of-ada", "running processing job weather--one"):
        assert f"  - {told}" in done.output
    # What Studio made for others is let alone, whether it serves or not.
    assert left_in(company, DEV) == {theirs.rsplit("/")[-1], "theirs", their_homes, gone, of_two}
    nothing, told = company.destroy("dev", "--bootstrap").output.splitlines()
    assert nothing == f"dev ({DEV}): nothing"
    assert told.endswith(f"if yours: aws efs delete-file-system --file-system-id {gone}")


def another_domain(aws: Aws) -> tuple[str, str]:
    """A domain of others that serves: its ARN, and the id of its file system."""
    role = make_role(aws, DEV, "theirs", trusts="sagemaker.amazonaws.com")
    made = aws.client("sagemaker", DEV).create_domain(
        DomainName="theirs",
        AuthMode="IAM",
        VpcId="vpc-1",
        SubnetIds=["subnet-1"],
        HomeEfsFileSystemCreation="Disabled",
        DefaultUserSettings={"ExecutionRole": role},
    )
    arn: str = made["DomainArn"]
    return arn, everything.home_folders(aws, DEV, arn)


def test_automation_goes_with_versions_images_and_a_training_under_way(company: Company) -> None:
    another = f"isthmus-two-data-{AUTOMATION}-{REGION}"
    company.aws.client("s3", AUTOMATION).create_bucket(
        Bucket=another, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    company.aws.client("logs", AUTOMATION).create_log_group(logGroupName="/aws/lambda/isthmus-two")
    done = company.destroy("automation", "--confirm", "isthmus")
    assert done.exit_code == 0, done.exception
    assert f"of SageMaker pipeline {MODEL}" in done.output
    toolkit = {"CDKToolkit", names.asset_bucket(AUTOMATION, REGION)}
    roles = {names.bootstrap_role(AUTOMATION, REGION, kind) for kind in BOOTSTRAP_ROLES}
    parameters = {f"/cdk-bootstrap/{names.BOOTSTRAP}/{noun}" for noun in ("version", "boundary")}
    # Another platform's is let alone, though its name begins with ours; and what deploys was not asked for.
    expected = {another, "/aws/lambda/isthmus-two", *toolkit, *roles, *parameters}
    assert left_in(company, AUTOMATION) == expected
    assert company.destroy("automation").output == f"automation ({AUTOMATION}): nothing\n"


def test_a_destruction_that_was_interrupted_is_gone_on_with(company: Company) -> None:
    words = ["destroy", "staging", "--bootstrap", "--confirm", "isthmus"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "isthmus", *words],
        env=os.environ | company.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if line.startswith("- stack isthmus-staging:"):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stdout.read()
    assert (process.wait(), "destroyed" in rest) == (130, False)
    assert {"CDKToolkit", names.capture_bucket(company.platform, STAGING)} <= left_in(company, STAGING)

    done = company.destroy(*words[1:])
    assert done.exit_code == 0, done.exception
    assert "the endpoint" not in done.output
    # A log group of an endpoint of another's is SageMaker's too, and goes with the account.
    assert left_in(company, STAGING) == set()
    assert company.destroy(*words[1:]).output == f"staging ({STAGING}): nothing\n"


def test_prod_goes_when_its_name_is_typed_by_who_may(company: Company, full: Path, tmp_path: Path) -> None:
    before = left_in(company, PROD)
    assert MODEL in before
    removed = yaml.safe_load(FULL.read_text())
    removed["models"] = [one for one in removed["models"] if one["name"] != MODEL]
    (tmp_path / "platform.yaml").write_text(yaml.safe_dump(removed))
    deploy = ["--platform", str(tmp_path / "platform.yaml"), "infra", "deploy", "--account", "prod"]
    refused = CliRunner(env=company.laptop).invoke(isthmus, [*deploy, "--assembly", str(full)]).exception
    assert isinstance(refused, Refused)
    assert f"{MODEL} is not in platform.yaml, and its endpoint {MODEL} still serves in prod" in refused.what
    assert refused.todo.endswith(f"isthmus destroy prod staging automation --model {MODEL}")

    shown = company.destroy("prod", "--plan")
    assert (shown.exit_code, shown.output.count("destroyed")) == (0, 0)
    for typed in ([], ["--confirm", "prod"]):
        refused = company.destroy("prod", *typed).exception
        assert isinstance(refused, Refused) and "nothing was destroyed" in refused.what
    reader = make_role(company.aws, PROD, "reader", *READ)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": MANAGEMENT}}
    company.aws.client("iam", PROD).update_assume_role_policy(RoleName="reader", PolicyDocument=policy(trust))
    denied = subprocess.run(
        [sys.executable, "-m", "isthmus", "destroy", "prod", "--as", "reader", "--confirm", "isthmus"],
        env=os.environ | company.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert denied.returncode == 4 and reader
    assert denied.stderr.startswith("isthmus: AWS refused UpdateTerminationProtection: AccessDenied")
    assert left_in(company, PROD) - {"reader"} == before

    one = company.destroy("prod", "--model", MODEL, "--confirm", "isthmus")
    assert one.exit_code == 0, one.exception
    after = left_in(company, PROD)
    assert MODEL not in after and f"/aws/sagemaker/Endpoints/{MODEL}-other" in after
    assert names.stack(company.platform, "prod") in after
    done = company.destroy("prod", "--bootstrap", "--confirm", "isthmus")
    assert done.exit_code == 0, done.exception
    assert left_in(company, PROD) - {"reader"} == set()


def test_the_management_account_goes_and_its_member_accounts_stay(company: Company) -> None:
    organizations = company.aws.client("organizations", MANAGEMENT)
    members = {one["Id"] for one in organizations.list_accounts()["Accounts"]}
    done = company.destroy("management", "--bootstrap", "--confirm", "isthmus")
    assert done.exit_code == 0, done.exception
    assert "accounts that Organizations made stay" in done.output
    assert left(company.aws, MANAGEMENT) == set()
    budgets = company.aws.client("budgets", MANAGEMENT).describe_budgets(AccountId=MANAGEMENT)
    assert budgets.get("Budgets", []) == []
    policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert not [one for one in policies if not one["AwsManaged"]]
    assert {one["Id"] for one in organizations.list_accounts()["Accounts"]} == members


def test_an_account_that_is_not_in_the_platform_is_refused(company: Company) -> None:
    plain = CliRunner(env=company.environment | {"ISTHMUS_PLATFORM": str(CHECKOUT / "platform.yaml")})
    refused = plain.invoke(isthmus, ["destroy", "management"]).exception
    assert isinstance(refused, BadInput) and "no management account yet" in refused.what
