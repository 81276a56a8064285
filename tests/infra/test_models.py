"""One model more: its own three stacks, and roles that reach its own things and not its neighbour's.

The neighbour's name begins with the first one's, so that a pattern which is too wide is noticed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from isthmus import names
from isthmus.config import Platform, read_platform
from isthmus.infra import assembly as assemblies
from isthmus.infra.manifest import read_stacks
from isthmus.infra.synth import synthesize
from tests.cdk.conftest import CHECKOUT, MODEL
from tests.infra.conftest import Cloud
from tests.local.aws.documents import make_role

MORE = f"{MODEL}-2"
STEP = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no more"}}
PIPELINE = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [STEP]})
TEMPLATE = json.dumps({"Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
DENIED = r"AccessDenied|not authorized|Access Denied|UnauthorizedOperation"


@pytest.fixture(scope="module")
def enlarged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, Path]:
    """The checkout's platform with one model more, and its assembly."""
    folder = tmp_path_factory.mktemp("enlarged")
    content = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    repositories = {f"{kind}_repository": f"{MORE}-{kind}" for kind in ("build", "deploy")}
    content["models"].append({"name": MORE, "owner": "snow-team@contoso.example", **repositories})
    (folder / "platform.yaml").write_text(yaml.safe_dump(content))
    output = synthesize(CHECKOUT / "app.py", folder / "assembly", platform=folder / "platform.yaml")
    return read_platform(folder / "platform.yaml"), output


@pytest.fixture(scope="module")
def said(cloud: Cloud, enlarged: tuple[Platform, Path]) -> list[str]:
    """What deploying the enlarged platform over the first one said."""
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", cloud.aws.url)
        assemblies.deploy(cloud.administrator(), enlarged[1], say=lines.append)
    return lines


def test_a_model_more_is_three_stacks_more_and_changes_none(
    platform: Platform, assembly: Path, enlarged: tuple[Platform, Path], said: list[str]
) -> None:
    accounts = ("automation", "staging", "prod")
    assert {line for line in said if line.endswith(": changing")} == {
        f"{names.model_stack(platform, account, MORE)}: changing" for account in accounts
    }
    before = {stack.name: stack.template.read_bytes() for stack in read_stacks(assembly)}
    after = {stack.name: stack.template.read_bytes() for stack in read_stacks(enlarged[1])}
    assert {name: after[name] for name in before} == before


@pytest.fixture(scope="module")
def ours(enlarged: tuple[Platform, Path], said: list[str]) -> Platform:
    """The enlarged platform, which stands."""
    return enlarged[0]


def connected(cloud: Cloud, ours: Platform, service: str, account: str, role: str, connection: str) -> Any:
    """A client as a role, entered with the token of a service connection."""
    subject = names.connection_subject(ours, connection)
    return cloud.client(service, cloud.connection(account, role, subject, ours.azure.audience))


def copied(cloud: Cloud, ours: Platform, service: str, account: str, kind: str, model: str) -> Any:
    """A client as a role like the model's role of that kind, but that its account may take, not AWS alone."""
    name, iam = names.any_model(ours, kind).replace("*", f"copy-of-{model}"), cloud.aws.client("iam", account)
    if name not in {role["RoleName"] for role in iam.list_roles()["Roles"]}:
        make_role(cloud.aws, account, name)
        tags = {"platform": ours.name, "model": model}
        iam.tag_role(RoleName=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        policy = f"arn:aws:iam::{account}:policy/{names.policy(ours, kind)}"
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    return cloud.client(service, cloud.aws.acting_as(name, account))


def test_a_connection_enters_its_own_models_roles_only(cloud: Cloud, ours: Platform) -> None:
    automation, staging = ours.accounts.automation, ours.accounts.staging
    build, deploy = names.build_connection(ours, MORE), names.deploy_connection(ours, MORE, "staging")
    assert connected(cloud, ours, "sts", automation, names.build_role(ours, MORE), build)
    for account, role, connection in (
        (automation, names.build_role(ours, MODEL), build),
        (automation, names.synth_role(ours, MORE), build),
        (staging, names.deploy_role(ours, MODEL), deploy),
        (ours.accounts.prod, names.deploy_role(ours, MORE), deploy),
    ):
        with pytest.raises(ClientError, match=DENIED):
            connected(cloud, ours, "sts", account, role, connection)


def test_a_build_writes_its_own_models_files_and_starts_its_own_pipeline(
    cloud: Cloud, ours: Platform
) -> None:
    account, role = ours.accounts.automation, names.build_role(ours, MORE)

    def client(service: str) -> Any:
        return connected(cloud, ours, service, account, role, names.build_connection(ours, MORE))

    s3, sagemaker, bucket = client("s3"), client("sagemaker"), names.artifact_bucket(ours)
    s3.put_object(Bucket=bucket, Key=f"{MORE}/code/1/train.py", Body=b"")
    assert s3.list_objects_v2(Bucket=bucket, Prefix=f"{MORE}/")["KeyCount"] == 1
    cloud.aws.client("s3", account).put_object(Bucket=bucket, Key=f"{MODEL}/model.tar.gz", Body=b"")
    tags = [{"Key": key, "Value": value} for key, value in names.tags(ours, "automation").items()]

    def runs_as(model: str) -> str:
        return names.role_arn(account, names.pipeline_role(ours, model))

    def create(pipeline: str, tags: list[dict[str, str]]) -> None:
        sagemaker.create_pipeline(
            PipelineName=pipeline,
            PipelineDefinition=PIPELINE,
            RoleArn=runs_as(MORE),
            ClientRequestToken=pipeline.ljust(32, "-"),
            Tags=tags,
        )

    create(MORE, tags)
    for attempt in (
        lambda: create(MODEL, tags),
        lambda: create(MORE, [{"Key": "platform", "Value": "another"}]),
        lambda: sagemaker.update_pipeline(PipelineName=MORE, RoleArn=runs_as(MODEL)),
        lambda: s3.put_object(Bucket=bucket, Key=f"{MODEL}/code/1/train.py", Body=b""),
        lambda: s3.get_object(Bucket=bucket, Key=f"{MODEL}/model.tar.gz"),
        lambda: s3.list_objects_v2(Bucket=bucket, Prefix=MORE),
        lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"{MODEL}/"),
        lambda: sagemaker.list_model_packages(ModelPackageGroupName=MODEL),
        lambda: sagemaker.start_pipeline_execution(PipelineName=MODEL),
    ):
        with pytest.raises(ClientError, match=DENIED):
            attempt()


def test_a_pipeline_registers_versions_of_its_own_model(cloud: Cloud, ours: Platform) -> None:
    sagemaker = copied(cloud, ours, "sagemaker", ours.accounts.automation, "pipeline", MORE)
    image = f"{ours.accounts.automation}.dkr.ecr.{ours.region}.amazonaws.com/x@sha256:{'0' * 64}"

    def register(group: str, status: str = "PendingManualApproval") -> None:
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": "s3://x/m.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )

    register(MORE)
    (version,) = sagemaker.list_model_packages(ModelPackageGroupName=MORE)["ModelPackageSummaryList"]
    arn = version["ModelPackageArn"]
    with pytest.raises(ClientError, match=DENIED):
        register(MODEL)
    with pytest.raises(ClientError, match=DENIED):
        register(MORE, "Approved")
    with pytest.raises(ClientError, match=DENIED):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    with pytest.raises(ClientError, match=DENIED):
        sagemaker.add_tags(
            ResourceArn=arn.replace("model-package", "model-package-group").removesuffix("/1"),
            Tags=[{"Key": "platform", "Value": "another"}],
        )


@pytest.mark.parametrize("kind", ["model", "monitor"])
def test_what_serves_and_watches_a_model_reads_and_writes_its_own_files(
    cloud: Cloud, ours: Platform, kind: str
) -> None:
    prod = ours.accounts.prod
    s3 = copied(cloud, ours, "s3", prod, kind, MORE)
    capture, artifacts = names.capture_bucket(ours, prod), names.artifact_bucket(ours)
    root = cloud.aws.client("s3", ours.accounts.automation)
    for model in (MODEL, MORE):
        root.put_object(Bucket=artifacts, Key=f"{model}/model.tar.gz", Body=model.encode())
    s3.put_object(Bucket=capture, Key=f"{names.captures(MORE)}x/1.jsonl", Body=b"{}")
    assert s3.get_object(Bucket=artifacts, Key=f"{MORE}/model.tar.gz")["Body"].read() == MORE.encode()
    for attempt in (
        lambda: s3.put_object(Bucket=capture, Key=f"{names.captures(MODEL)}x/1.jsonl", Body=b"{}"),
        lambda: s3.get_object(Bucket=artifacts, Key=f"{MODEL}/model.tar.gz"),
        lambda: s3.put_object(Bucket=artifacts, Key=f"{MORE}/model.tar.gz", Body=b""),
    ):
        with pytest.raises(ClientError, match=DENIED):
            attempt()


def test_a_deployment_reaches_its_own_models_stack_and_hands_over_its_own_role(
    cloud: Cloud, ours: Platform
) -> None:
    account, role = ours.accounts.staging, names.deploy_role(ours, MORE)
    connection = names.deploy_connection(ours, MORE, "staging")
    cfn = connected(cloud, ours, "cloudformation", account, role, connection)

    def change(model: str, executor: str) -> None:
        cfn.create_change_set(
            StackName=names.endpoint_stack(ours, model, "staging"),
            ChangeSetName="one",
            ChangeSetType="CREATE",
            TemplateBody=yaml.safe_dump(
                {"Resources": {"W": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
            ),
            RoleARN=names.role_arn(account, names.cloudformation_role(ours, executor)),
        )

    change(MORE, MORE)
    for model, executor in ((MODEL, MORE), (MORE, MODEL)):
        with pytest.raises(ClientError, match=DENIED):
            change(model, executor)
