"""docs/security.md is true: every call of its table by every role, with its own credentials, under IAM.

Tokens and people enter as the trust policies let them. What only an AWS service may be, it is here by a trust
policy to which the account's root was added; that nobody else may be it is test_permissions.py's to show.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus import names
from isthmus.config import AccountRole
from isthmus.infra.manifest import read_stacks
from tests.cdk.conftest import CHECKOUT, MODEL
from tests.infra import access
from tests.infra.lab import PROD, Lab
from tests.local.conftest import ACCOUNTS, AUTOMATION

PAGE = (CHECKOUT / "docs/security.md").read_text()
DENIED = r"AccessDenied|not authorized|Access Denied|UnauthorizedOperation|NotAuthorized"
OTHER_MODEL, OTHER_TEAM = "churn-risk", "churn"
STEP = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no more"}}
PIPELINE = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [STEP]})


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading of the page."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@dataclass(frozen=True)
class Role:
    """One role as the page has it: in an account, of a model or team where it is of one."""

    title: str
    account: str
    name: str
    enters: str


def roles() -> Iterator[Role]:
    """Of one model and team, and the same of another: `build` and `build of any`."""
    for kind, where, name, how in rows("Roles"):
        accounts = where.split(", ")
        for account in accounts:
            title = f"{account} {kind}" if len(accounts) > 1 else kind
            pattern, enters = name.strip("`"), how.partition(":")[0]
            if "<" not in pattern:
                yield Role(title, account, pattern, enters)
                continue
            for suffix, model, team in (("", MODEL, access.TEAM), (" of any", OTHER_MODEL, OTHER_TEAM)):
                own = pattern.replace("<model>", model).replace("<team>", team)
                yield Role(title + suffix, account, own, enters)


ROLES = {role.title: role for role in roles()}
CALLS = [(account, what, who.split(", ")) for account, what, who in rows("Who may do what")]


def test_the_page_names_every_role_of_the_platform(full: Path) -> None:
    made = {
        (stack.account, resource["Properties"]["RoleName"])
        for stack in read_stacks(full)
        if stack.account in ACCOUNTS.values()
        for resource in json.loads(stack.template.read_text())["Resources"].values()
        if resource["Type"] == "AWS::IAM::Role"
    }
    assert {(ACCOUNTS[role.account], role.name) for role in ROLES.values()} == made


def test_the_page_names_roles_and_calls_that_there_are(world: access.World) -> None:
    for _, what, who in CALLS:
        assert set(who) <= ROLES.keys() or who == ["nobody"], what
    assert [what for _, what, _ in CALLS] == list(dict.fromkeys(what for _, what, _ in CALLS))
    assert {what for _, what, _ in CALLS} <= access.calls(world).keys()


@pytest.fixture(scope="module")
def world(lab: Lab) -> access.World:
    """The lab with what the calls are about: files, versions, an image, a pipeline and an endpoint."""
    image = pushed(lab)
    model_data = fill(lab)
    registry = lab.client("sagemaker", account=AUTOMATION)
    said = access.specification(image, model_data)
    version, spare = (
        registry.create_model_package(ModelPackageGroupName=MODEL, **said)["ModelPackageArn"]
        for _ in range(2)
    )
    without_rule = registry.create_model_package(ModelPackageGroupName=OTHER_MODEL, **said)["ModelPackageArn"]
    start_pipeline(lab)
    subnets, group = network(lab)
    there = {"Subnets": subnets, "SecurityGroupIds": [group]}
    serve(lab, version, there)
    shared = registry.get_model_package_group_policy(ModelPackageGroupName=MODEL)["ResourcePolicy"]
    return access.World(lab, version, spare, without_rule, image, shared, there)


def pushed(lab: Lab) -> str:
    answer = lab.client("ecr", account=AUTOMATION).put_image(
        repositoryName=names.IMAGE_REPOSITORY, imageTag="first", imageManifest=access.MANIFEST
    )
    registry = f"{AUTOMATION}.dkr.ecr.{lab.aws.region}.amazonaws.com/{names.IMAGE_REPOSITORY}"
    return f"{registry}@{answer['image']['imageId']['imageDigest']}"


def fill(lab: Lab) -> str:
    """A file wherever one is read, and the model's archive, whose URI is returned."""
    platform = lab.platform
    artifacts = names.artifact_bucket(platform)
    for account, bucket, key in (
        ("automation", artifacts, f"{MODEL}/file"),
        ("automation", artifacts, access.EVALUATION),
        ("automation", artifacts, access.LEARNED),
        ("automation", names.data_bucket(platform), f"{MODEL}/file"),
        ("dev", names.experiment_bucket(platform), f"{access.TEAM}/file"),
        ("prod", names.capture_bucket(platform, PROD), f"{names.captures(MODEL)}file"),
        ("prod", names.capture_bucket(platform, PROD), f"{names.requests(MODEL)}file"),
        ("prod", names.capture_bucket(platform, PROD), f"{names.results(MODEL)}file"),
        ("prod", names.ground_truth_bucket(platform, PROD), f"{MODEL}/file"),
    ):
        lab.client("s3", account=ACCOUNTS[account]).put_object(Bucket=bucket, Key=key, Body=b"x")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("name")
        entry.size = len(MODEL)
        tar.addfile(entry, io.BytesIO(MODEL.encode()))
    key = f"{MODEL}/model.tar.gz"
    lab.client("s3", account=AUTOMATION).put_object(Bucket=artifacts, Key=key, Body=archive.getvalue())
    return f"s3://{artifacts}/{key}"


def start_pipeline(lab: Lab) -> None:
    lab.client("sagemaker", account=AUTOMATION).create_pipeline(
        PipelineName=MODEL,
        PipelineDefinition=PIPELINE,
        RoleArn=names.role_arn(AUTOMATION, names.pipeline_role(lab.platform, MODEL)),
        ClientRequestToken=MODEL.ljust(32, "-"),
    )


def network(lab: Lab) -> tuple[list[str], str]:
    """Prod's subnets and security group."""
    ssm = lab.client("ssm", account=PROD)

    def found(noun: str) -> str:
        return ssm.get_parameter(Name=names.network_parameter(lab.platform, noun))["Parameter"]["Value"]

    return [found("subnet-1"), found("subnet-2")], found("security-group")


def serve(lab: Lab, version: str, there: dict[str, Any]) -> None:
    """The model's endpoint in prod, tagged as its stack would."""
    sagemaker, name = lab.client("sagemaker", account=PROD), names.by_content(MODEL, "0" * 16)
    tags = names.tags(lab.platform, "prod", lab.platform.model(MODEL))
    cloudformation = in_service(lab, ROLES["prod cloudformation"])
    variant = {
        "VariantName": "live",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    lab.client("sagemaker", cloudformation).create_model(
        ModelName=name,
        ExecutionRoleArn=names.role_arn(PROD, names.model_role(lab.platform, MODEL)),
        Containers=[{"ModelPackageName": version}],
        VpcConfig=there,
    )
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(
        EndpointName=names.endpoint(MODEL),
        EndpointConfigName=name,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    deadline = time.monotonic() + 60
    while (found := sagemaker.describe_endpoint(EndpointName=names.endpoint(MODEL)))[
        "EndpointStatus"
    ] == "Creating":
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    assert found["EndpointStatus"] == "InService", found


# ---------------------------------------------------------------- who


def enter(lab: Lab, role: Role) -> dict[str, str]:
    """The role's credentials, taken as its trust policy lets it be taken."""
    if role.enters == "person":
        return lab.person(ACCOUNTS[role.account], role.name, **as_herself(role))
    return with_token(lab, role) if role.enters == "token" else in_service(lab, role)


def as_herself(role: Role) -> dict[str, str]:
    return {"SourceIdentity": access.SCIENTIST} if role.title.startswith("scientist") else {}


def with_token(lab: Lab, role: Role) -> dict[str, str]:
    """Entered with the token of its service connection."""
    subject = names.connection_subject(lab.platform, connection(role))
    token = lab.aws.azure.token(subject, lab.platform.azure.audience)
    return lab.client("sts", account=ACCOUNTS[role.account]).assume_role_with_web_identity(
        RoleArn=names.role_arn(ACCOUNTS[role.account], role.name),
        RoleSessionName="run-7",
        WebIdentityToken=token,
    )["Credentials"]


def connection(role: Role) -> str:
    """Called as the role, and where the role is in several accounts, after the account too."""
    kind = role.name.rpartition("-")[2]
    return role.name if kind in ("build", "synth", "audit") else f"{role.name}-{role.account}"


def in_service(lab: Lab, role: Role) -> dict[str, str]:
    """As an AWS service would be the role: the account's root is added to whom it trusts."""
    account = ACCOUNTS[role.account]
    iam = lab.client("iam", account=account)
    trust = iam.get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"]
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
    }
    if root not in trust["Statement"]:
        widened = trust | {"Statement": [*trust["Statement"], root]}
        iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=json.dumps(widened))
    return lab.aws.acting_as(role.name, account)


@pytest.fixture(scope="module")
def principals(lab: Lab) -> dict[str, access.As]:
    """Every role of the page, and each account's administrators."""
    found = {title: client_of(lab, enter(lab, role)) for title, role in ROLES.items()}
    for account, number in ACCOUNTS.items():
        found[f"{account} administrators"] = administrators(lab, number)
    return found


def client_of(lab: Lab, credentials: dict[str, str]) -> access.As:
    return lambda service: lab.client(service, credentials)


def administrators(lab: Lab, number: str) -> access.As:
    return lambda service: lab.client(service, account=number)


# ---------------------------------------------------------------- what


@pytest.mark.parametrize(("account", "what", "who"), CALLS, ids=[what for _, what, _ in CALLS])
def test_those_may_and_nobody_else(
    world: access.World,
    principals: dict[str, access.As],
    account: AccountRole,
    what: str,
    who: list[str],
) -> None:
    call = access.calls(world)[what]
    for title, role in ROLES.items():
        if title not in who and (role.account == account or what not in access.AT_HOME):
            with pytest.raises(ClientError, match=DENIED):
                call(principals[title])
                pytest.fail(f"{title} may {what}")
    for title in who if who != ["nobody"] else [f"{account} administrators"]:
        call(principals[title])
