"""The management account, from a new organization on: accounts are made, guarded, bootstrapped, watched."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from isthmus import lifeline
from isthmus.cli import isthmus
from isthmus.config import read_platform
from isthmus.errors import BadInput, Problem
from tests.cdk.conftest import CHECKOUT
from tests.contract.test_yaml_commands import parse
from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import (
    ACCOUNTS,
    AUTOMATION,
    PROD,
    REGION,
    ROOT_SECRET,
    Aws,
    Issuer,
    free_port,
    issuer,
    start_aws,
)

__all__ = ["issuer"]

MANAGEMENT, ROOT, ADDRESS = "555566667777", "r-ab12", "ml-dev@contoso.example"
ORGANIZATION = """
organization:
  parent: r-ab12
  regions: [eu-central-1]
  budgets: {dev: 500, automation: 1000, staging: 300, prod: 2000}
"""


@dataclass(frozen=True)
class Company:
    """A company's organization after its platform was added, and what the commands said on the way."""

    aws: Aws
    file: Path
    dev: str
    said: dict[str, str]
    typed: list[str]


def call(*words: str) -> Result:
    return CliRunner().invoke(isthmus, list(words))


def done(*words: str) -> str:
    result = call(*words)
    assert result.exit_code == 0, result.exception or result.output
    return result.output


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, issuer: tuple[Issuer, str]) -> Iterator[Company]:
    port, folder = free_port(), tmp_path_factory.mktemp("company")
    accounts = ACCOUNTS | {"management": MANAGEMENT}
    process = start_aws(folder / "aws", issuer[1], port, accounts=accounts, organization=ROOT)
    aws = Aws(f"http://127.0.0.1:{port}", REGION, issuer[0])
    file, assembly = folder / "platform.yaml", str(folder / "out")
    file.write_text((CHECKOUT / "platform.yaml").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        patch.setenv("ISTHMUS_PLATFORM", str(file))
        patch.setenv("AWS_ENDPOINT_URL", aws.url)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("CDK_VALIDATION", "false")
        patch.setenv("AWS_ACCESS_KEY_ID", MANAGEMENT)
        patch.setenv("AWS_SECRET_ACCESS_KEY", ROOT_SECRET)
        typed: list[str] = []

        def do(*words: str, here: tuple[str, ...] = ()) -> str:
            """Note what a person types, and add what is so `here` alone."""
            typed.append(shlex.join(words))
            return done(*words, *here)

        said = {"management": do("account", "add", "management", "--id", MANAGEMENT)}
        file.write_text(file.read_text() + ORGANIZATION)
        said["new"] = do("account", "add", "dev", "--email", ADDRESS, "--replace")
        said["synth"] = do("infra", "synth", here=("--no-validate", "--output", assembly))
        said["incomplete"] = str(call("account", "bootstrap", "dev").exception)
        said["bootstrap"] = do("account", "bootstrap", "management")
        said["deploy"] = do("infra", "deploy", here=("--assembly", assembly))
        dev = said["deploy"].split("--id ")[1].strip()
        said["add"] = do("account", "add", "dev", "--id", dev)
        said["dev"] = do("account", "bootstrap", "dev")
        said["again"] = done("infra", "deploy", "--assembly", assembly, "--account", "management")
        yield Company(aws, file, dev, said, typed)
    lifeline.stop(process)


# ---------------------------------------------------------------- accounts


def test_the_page_about_accounts_begins_as_it_was_done_here(company: Company) -> None:
    """Each of its commands is one that there is; those about new accounts are the fixture's."""
    page = (CHECKOUT / "docs" / "accounts.md").read_text()
    blocks = re.findall(r"```text\n(.*?)```", page, re.S)
    typed = [line for block in blocks for line in block.splitlines()]
    for line in typed:
        parse(shlex.split(line)[1:])
    first = [line.replace("111122223333", company.dev) for line in typed[:7]]
    assert first == [f"isthmus {line}" for line in company.typed]
    assert ORGANIZATION.strip() in page


def test_only_the_management_account_is_made_while_another_is_awaited(company: Company) -> None:
    assert company.said["synth"].count("\n") == 1
    assert company.said["synth"].startswith(f"isthmus-management  account {MANAGEMENT}")
    assert "there is no dev account yet" in company.said["incomplete"]


def test_a_new_account_is_written_down_and_bootstrapped_through_its_access_role(company: Company) -> None:
    assert (
        f"the dev account is made; next: isthmus account add dev --id {company.dev}" in company.said["deploy"]
    )
    assert read_platform(company.file).accounts.dev == company.dev
    assert company.said["add"].splitlines()[-1].endswith("isthmus account bootstrap dev")
    assert f"account {company.dev} (dev) is bootstrapped" in company.said["dev"]
    assert "next:" not in company.said["again"]


def test_comments_and_order_of_platform_yaml_stay(company: Company) -> None:
    text = company.file.read_text()
    assert text.startswith("# The platform that `make demo` builds.")
    assert f'  dev: "{company.dev}"\n  automation:' in text
    assert f"  members:\n    dev: {ADDRESS}\n" in text


def test_the_account_stands_in_the_platforms_unit(company: Company) -> None:
    organizations = company.aws.client("organizations", MANAGEMENT)
    (unit,) = organizations.list_organizational_units_for_parent(ParentId=ROOT)["OrganizationalUnits"]
    (account,) = organizations.list_accounts_for_parent(ParentId=unit["Id"])["Accounts"]
    assert (unit["Name"], account["Id"], account["Email"]) == ("isthmus", company.dev, ADDRESS)


def test_another_id_than_that_of_the_account_that_was_made_is_refused(
    company: Company, tmp_path: Path
) -> None:
    other = tmp_path / "platform.yaml"
    other.write_text(company.file.read_text().replace(company.dev, "999900001111"))
    assembly = str(company.file.parent / "out")
    raised = call(
        "--platform", str(other), "infra", "deploy", "--account", "management", "--assembly", assembly
    ).exception
    assert isinstance(raised, Problem) and f"made is {company.dev}, not 999900001111" in raised.what
    assert f"--id {company.dev} --replace" in str(raised)


def test_each_account_has_a_budget_that_tells_people_at_80_and_100_percent(company: Company) -> None:
    budgets = company.aws.client("budgets", MANAGEMENT)
    found = {
        b["BudgetName"].split("-")[1]: b for b in budgets.describe_budgets(AccountId=MANAGEMENT)["Budgets"]
    }
    assert {role: float(b["BudgetLimit"]["Amount"]) for role, b in found.items()} == {
        "dev": 500, "automation": 1000, "staging": 300, "prod": 2000
    }  # fmt: skip
    assert found["dev"]["CostFilters"] == {"LinkedAccount": [company.dev]}
    name = found["prod"]["BudgetName"]
    told = budgets.describe_notifications_for_budget(AccountId=MANAGEMENT, BudgetName=name)["Notifications"]
    assert sorted(one["Threshold"] for one in told) == [80, 100]
    people = budgets.describe_subscribers_for_notification(
        AccountId=MANAGEMENT, BudgetName=name, Notification=told[0]
    )["Subscribers"]
    assert people == [{"SubscriptionType": "EMAIL", "Address": "ml-team@contoso.example"}]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["add", "dev", "--id", "12345", "--replace"], "twelve digits"),
        (["add", "dev", "--id", PROD, "--replace"], "are the same account"),
        (["add", "staging", "--email", "nobody", "--replace"], "organization.members.staging"),
    ],
)
def test_what_would_be_wrong_is_not_written(company: Company, words: list[str], wrong: str) -> None:
    before = company.file.read_bytes()
    raised = call("account", *words).exception
    assert isinstance(raised, BadInput) and wrong in str(raised)
    assert company.file.read_bytes() == before


def test_a_new_account_needs_an_organization(company: Company, tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text((CHECKOUT / "platform.yaml").read_text())
    raised = call("--platform", str(file), "account", "add", "dev", "--email", ADDRESS, "--replace").exception
    assert "organization.parent" in str(raised)


# ---------------------------------------------------------------- what each guard rail denies, and what not

JOB = {
    "RoleArn": f"arn:aws:iam::{PROD}:role/guarded",
    "AlgorithmSpecification": {
        "TrainingImage": f"{AUTOMATION}.dkr.ecr.{REGION}.amazonaws.com/none",
        "TrainingInputMode": "File",
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
KEY = f"arn:aws:kms:{REGION}:{PROD}:key/00000000-0000-0000-0000-000000000000"


def job(instance: str, output: str | None, volume: str | None) -> dict[str, Any]:
    return JOB | {
        "TrainingJobName": "one",
        "OutputDataConfig": {"S3OutputPath": "s3://isthmus-none/one"}
        | ({"KmsKeyId": output} if output else {}),
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": instance, "VolumeSizeInGB": 1}
        | ({"VolumeKmsKeyId": volume} if volume else {}),
    }


ONE_ROLE = {"AssumeRolePolicyDocument": policy(allow("sts:AssumeRole", "*"))}


@pytest.fixture(scope="module")
def guarded(company: Company) -> Callable[..., Any]:
    """A client of somebody in prod whose own policy allows everything."""
    make_role(company.aws, PROD, "guarded", allow("*", "*"))
    credentials = company.aws.acting_as("guarded", PROD)

    def client(service: str, region: str = REGION) -> Any:
        return Aws(company.aws.url, region, company.aws.azure).client(service, PROD, credentials)

    return client


def denied(work: Callable[[], object]) -> None:
    with pytest.raises(ClientError, match="explicit deny") as caught:
        work()
    code = caught.value.response["Error"]["Code"]
    assert code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def passed(work: Callable[[], object]) -> None:
    """The call came through; that the thing it names may not be there is another matter."""
    try:
        work()
    except ClientError as error:
        assert "Denied" not in error.response["Error"]["Code"], error
        assert "Unauthorized" not in error.response["Error"]["Code"], error


def test_other_regions_are_locked_but_not_for_global_services(guarded: Callable[..., Any]) -> None:
    denied(lambda: guarded("sqs", "us-east-1").create_queue(QueueName="far"))
    passed(lambda: guarded("sqs", "eu-central-1").create_queue(QueueName="near"))
    passed(lambda: guarded("iam", "us-east-1").list_roles())


def test_nobody_leaves_the_organization(guarded: Callable[..., Any]) -> None:
    denied(lambda: guarded("organizations").leave_organization())
    passed(lambda: guarded("organizations").describe_organization())


def test_no_credentials_are_made_that_last(guarded: Callable[..., Any], company: Company) -> None:
    denied(lambda: guarded("iam").create_user(UserName="eve"))
    denied(lambda: guarded("iam").create_access_key(UserName="eve"))
    denied(lambda: company.aws.client("iam", PROD).create_access_key())
    passed(lambda: guarded("iam").create_role(RoleName="eve", **ONE_ROLE))


def test_only_deployments_and_administrators_change_the_platforms_roles(
    guarded: Callable[..., Any], company: Company
) -> None:
    denied(lambda: guarded("iam").create_role(RoleName="isthmus-eve", **ONE_ROLE))
    make_role(company.aws, company.dev, "someone", allow("*", "*"))
    bootstrap = f"cdk-hnb659fds-deploy-role-{company.dev}-{REGION}"
    attach = {"RoleName": bootstrap, "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    someone = company.aws.acting_as("someone", company.dev)
    denied(lambda: company.aws.client("iam", company.dev, someone).attach_role_policy(**attach))
    administrator = company.aws.client("sts", MANAGEMENT).assume_role(
        RoleArn=f"arn:aws:iam::{company.dev}:role/OrganizationAccountAccessRole", RoleSessionName="ada"
    )["Credentials"]
    passed(lambda: company.aws.client("iam", company.dev, administrator).attach_role_policy(**attach))


def test_no_trail_is_stopped(guarded: Callable[..., Any]) -> None:
    denied(lambda: guarded("cloudtrail").stop_logging(Name="audit"))
    passed(lambda: guarded("cloudtrail").describe_trails())


def test_no_bucket_is_made_public(guarded: Callable[..., Any]) -> None:
    s3 = guarded("s3")
    s3.create_bucket(Bucket="guarded", CreateBucketConfiguration={"LocationConstraint": REGION})
    denied(lambda: s3.put_bucket_acl(Bucket="guarded", ACL="public-read"))
    denied(lambda: s3.delete_public_access_block(Bucket="guarded"))
    denied(lambda: s3.put_object(Bucket="guarded", Key="one", Body=b"", ACL="public-read"))
    everybody = allow("s3:GetObject", "arn:aws:s3:::guarded/*", Principal="*")
    with pytest.raises(ClientError, match="Block Public Access"):
        s3.put_bucket_policy(Bucket="guarded", Policy=policy(everybody))
    passed(lambda: s3.put_object(Bucket="guarded", Key="one", Body=b""))
    mine = allow("s3:GetObject", "arn:aws:s3:::guarded/*", Principal={"AWS": PROD})
    passed(lambda: s3.put_bucket_policy(Bucket="guarded", Policy=policy(mine)))


def test_the_accounts_block_of_public_access_cannot_be_loosened(company: Company) -> None:
    credentials = company.aws.acting_as("guarded", PROD)
    assert _account_block(company.aws, credentials, "DELETE").status_code == 403
    shown = _account_block(company.aws, credentials, "GET")
    assert (shown.status_code, shown.text.count(">true<")) == (200, 4)


def _account_block(aws: Aws, credentials: dict[str, str], method: str) -> requests.Response:
    """S3 Control's client puts the account's id before the host's name, which here has none."""
    request = AWSRequest(
        method,
        f"{aws.url}/v20180820/configuration/publicAccessBlock",
        headers={"x-amz-account-id": PROD, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
    )
    known = Credentials(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
    )
    SigV4Auth(known, "s3", REGION).add_auth(request)
    return requests.request(method, request.url, headers=dict(request.headers), timeout=60)


@pytest.mark.parametrize(
    ("instance", "output", "volume"),
    [("ml.m5.large", None, KEY), ("ml.m5.large", KEY, None), ("ml.g5.xlarge", None, None)],
)
def test_no_job_runs_unencrypted(
    guarded: Callable[..., Any], instance: str, output: str | None, volume: str | None
) -> None:
    denied(lambda: guarded("sagemaker").create_training_job(**job(instance, output, volume)))


def test_no_processing_runs_unencrypted(guarded: Callable[..., Any]) -> None:
    """Whatever of its output and its disk has no key."""
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}

    def process(output: dict[str, str], disk: dict[str, str]) -> Callable[[], object]:
        return lambda: guarded("sagemaker").create_processing_job(
            ProcessingJobName="one",
            RoleArn=JOB["RoleArn"],
            AppSpecification={"ImageUri": JOB["AlgorithmSpecification"]["TrainingImage"]},
            ProcessingOutputConfig={"Outputs": [], **output},
            ProcessingResources={"ClusterConfig": cluster | disk},
        )

    denied(process({}, {"VolumeKmsKeyId": KEY}))
    denied(process({"KmsKeyId": KEY}, {}))
    passed(process({"KmsKeyId": KEY}, {"VolumeKmsKeyId": KEY}))


def test_no_monitor_runs_unencrypted(guarded: Callable[..., Any]) -> None:
    """A schedule says it itself, or names a definition that does."""
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    output = {"S3Output": {"S3Uri": "s3://b/o", "LocalPath": "/opt/ml/processing/output"}}
    source = {"EndpointInput": {"EndpointName": "one", "LocalPath": "/opt/ml/processing/input"}}

    def define(key: dict[str, str], disk: dict[str, str]) -> Callable[[], object]:
        return lambda: guarded("sagemaker").create_data_quality_job_definition(
            JobDefinitionName="one",
            DataQualityAppSpecification={"ImageUri": "analyzer"},
            DataQualityJobInput=source,
            DataQualityJobOutputConfig={"MonitoringOutputs": [output], **key},
            JobResources={"ClusterConfig": cluster | disk},
            RoleArn=JOB["RoleArn"],
        )

    def schedule(**config: Any) -> Callable[[], object]:
        when = {"ScheduleExpression": "cron(0 * ? * * *)"}
        return lambda: guarded("sagemaker").create_monitoring_schedule(
            MonitoringScheduleName="one", MonitoringScheduleConfig={"ScheduleConfig": when, **config}
        )

    denied(define({}, {"VolumeKmsKeyId": KEY}))
    denied(define({"KmsKeyId": KEY}, {}))
    passed(define({"KmsKeyId": KEY}, {"VolumeKmsKeyId": KEY}))
    passed(schedule(MonitoringJobDefinitionName="one", MonitoringType="DataQuality"))
    inline = {
        "MonitoringInputs": [source],
        "MonitoringOutputConfig": {"MonitoringOutputs": [output]},
        "MonitoringResources": {"ClusterConfig": cluster},
        "MonitoringAppSpecification": {"ImageUri": "analyzer"},
        "RoleArn": JOB["RoleArn"],
    }
    denied(schedule(MonitoringJobDefinition=inline))


@pytest.mark.parametrize(("instance", "volume"), [("ml.m5.large", KEY), ("ml.g5.xlarge", None)])
def test_an_encrypted_job_is_not_denied(
    guarded: Callable[..., Any], instance: str, volume: str | None
) -> None:
    passed(lambda: guarded("sagemaker").create_training_job(**job(instance, KEY, volume)))


NOTEBOOK = {"NotebookInstanceName": "one", "InstanceType": "ml.t3.medium", "RoleArn": JOB["RoleArn"]}
IMDS = {"InstanceMetadataServiceConfiguration": {"MinimumInstanceMetadataServiceVersion": "2"}}


def test_no_notebook_runs_unencrypted_or_gives_its_role_away(guarded: Callable[..., Any]) -> None:
    sagemaker = guarded("sagemaker")
    denied(lambda: sagemaker.create_notebook_instance(**NOTEBOOK, **IMDS))
    denied(lambda: sagemaker.create_notebook_instance(**NOTEBOOK, KmsKeyId=KEY))
    passed(lambda: sagemaker.create_notebook_instance(**NOTEBOOK, KmsKeyId=KEY, **IMDS))


def test_no_machine_gives_its_role_away(guarded: Callable[..., Any]) -> None:
    one = {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}
    denied(lambda: guarded("ec2").run_instances(**one))
    denied(lambda: guarded("ec2").run_instances(**one, MetadataOptions={"HttpTokens": "optional"}))
    passed(lambda: guarded("ec2").run_instances(**one, MetadataOptions={"HttpTokens": "required"}))
    denied(lambda: guarded("ec2").modify_instance_metadata_options(InstanceId="i-1", HttpTokens="optional"))


def test_the_management_account_is_beyond_its_guard_rails(company: Company) -> None:
    passed(lambda: company.aws.client("iam", MANAGEMENT).create_user(UserName="breakglass"))


def test_no_policy_is_longer_than_organizations_takes(company: Company) -> None:
    organizations = company.aws.client("organizations", MANAGEMENT)
    ours = [
        one
        for one in organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        if one["Name"].startswith("isthmus-")
    ]
    assert len(ours) == 4
    for one in ours:
        content = organizations.describe_policy(PolicyId=one["Id"])["Policy"]["Content"]
        assert len(json.dumps(json.loads(content))) < 5120
