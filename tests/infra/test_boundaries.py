"""Least privilege, exercised: each role does its work in the deployed accounts, and is refused beyond it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from isthmus import names
from isthmus.config import Platform, Stage
from tests.infra.conftest import Cloud

DENIED = r"AccessDenied|not authorized|Access Denied|UnauthorizedOperation"


@pytest.fixture(scope="module")
def model(platform: Platform) -> str:
    return platform.models[0].name


def deployer(cloud: Cloud, platform: Platform, model: str, stage: Stage, of: Stage) -> dict[str, str]:
    """The deploy role of stage `of`, asked for with the token of `stage`'s service connection."""
    connection = names.deploy_connection(platform, model, stage)
    return cloud.connection(
        getattr(platform.accounts, of),
        names.deploy_role(platform, model),
        names.connection_subject(platform, connection),
        platform.azure.audience,
    )


def test_each_stage_enters_its_own_account_and_no_other(cloud: Cloud, platform: Platform, model: str) -> None:
    assert deployer(cloud, platform, model, "staging", "staging")
    assert deployer(cloud, platform, model, "prod", "prod")
    with pytest.raises(ClientError, match=DENIED):
        deployer(cloud, platform, model, "staging", "prod")


def test_staging_cannot_touch_prod(cloud: Cloud, platform: Platform, model: str) -> None:
    held = deployer(cloud, platform, model, "staging", "staging")
    prod = platform.accounts.prod
    name = names.endpoint_stack(platform, model, "prod")
    stack = f"arn:aws:cloudformation:{platform.region}:{prod}:stack/{name}/1"
    with pytest.raises(ClientError, match=DENIED):
        cloud.client("cloudformation", held).describe_stacks(StackName=stack)
    for role in (names.deploy_role(platform, model), f"cdk-hnb659fds-deploy-role-{prod}-{platform.region}"):
        with pytest.raises(ClientError, match=DENIED):
            cloud.client("sts", held).assume_role(
                RoleArn=names.role_arn(prod, role), RoleSessionName="stranger"
            )
    with pytest.raises(ClientError, match=DENIED):
        cloud.client("s3", held).put_object(Bucket=names.capture_bucket(platform, prod), Key="x", Body=b"x")


def test_a_deployment_cannot_change_its_account_beyond_its_stack(
    cloud: Cloud, platform: Platform, model: str
) -> None:
    held = deployer(cloud, platform, model, "staging", "staging")
    cfn = cloud.client("cloudformation", held)
    with pytest.raises(ClientError, match=DENIED):
        cfn.delete_stack(StackName=names.stack(platform, "staging"))
    with pytest.raises(ClientError, match=DENIED):
        cloud.client("iam", held).create_role(RoleName="mine", AssumeRolePolicyDocument="{}")


def test_serving_accounts_read_artifacts_and_write_none(cloud: Cloud, platform: Platform, model: str) -> None:
    bucket = names.artifact_bucket(platform)
    root = cloud.aws.client("s3", platform.accounts.automation)
    root.put_object(Bucket=bucket, Key=f"{model}/runs/1/model.tar.gz", Body=b"model")
    root.put_object(Bucket=bucket, Key="another/model.tar.gz", Body=b"secret")
    s3 = cloud.client("s3", deployer(cloud, platform, model, "prod", "prod"))
    assert s3.get_object(Bucket=bucket, Key=f"{model}/runs/1/model.tar.gz")["Body"].read() == b"model"
    for key in ("another/model.tar.gz", "code/x"):
        with pytest.raises(ClientError, match=DENIED):
            s3.get_object(Bucket=bucket, Key=key)
    with pytest.raises(ClientError, match=DENIED):
        s3.put_object(Bucket=bucket, Key=f"{model}/runs/1/model.tar.gz", Body=b"another")


def test_data_owners_land_data_and_touch_nothing_else(cloud: Cloud, platform: Platform, model: str) -> None:
    held = cloud.person(platform.accounts.automation, names.data_role(platform))
    s3, bucket = cloud.client("s3", held), names.data_bucket(platform)
    s3.put_object(Bucket=bucket, Key=f"{model}/landed/may.csv", Body=b"a,b")
    with pytest.raises(ClientError, match=DENIED):
        s3.put_object(Bucket=bucket, Key=f"{model}/versions/1/may.csv", Body=b"a,b")


def test_scientists_read_the_registry_and_data_and_change_neither(
    cloud: Cloud, platform: Platform, model: str
) -> None:
    held = cloud.person(platform.accounts.dev, names.scientist_role(platform, "weather"))
    automation = platform.accounts.automation
    group = f"arn:aws:sagemaker:{platform.region}:{automation}:model-package-group/{model}"
    listed = cloud.client("sagemaker", held).list_model_packages(ModelPackageGroupName=group)
    assert listed["ModelPackageSummaryList"] == []
    with pytest.raises(ClientError, match=DENIED):
        cloud.client("s3", held).put_object(
            Bucket=names.data_bucket(platform), Key=f"{model}/landed/x.csv", Body=b""
        )


class TestApproval:
    """Who may say what about a version in the registry."""

    @pytest.fixture(scope="class")
    def version(self, cloud: Cloud, platform: Platform, model: str) -> str:
        image = f"{platform.accounts.automation}.dkr.ecr.{platform.region}.amazonaws.com/x@sha256:{'0' * 64}"
        container = {
            "Image": image,
            "ModelDataUrl": f"s3://{names.artifact_bucket(platform)}/{model}/m.tar.gz",
        }
        return cloud.aws.client("sagemaker", platform.accounts.automation).create_model_package(
            ModelPackageGroupName=model,
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            ModelApprovalStatus="PendingManualApproval",
        )["ModelPackageArn"]

    def test_a_deployment_records_its_own_stage_only(
        self, cloud: Cloud, platform: Platform, model: str, version: str
    ) -> None:
        sagemaker = cloud.client("sagemaker", deployer(cloud, platform, model, "staging", "staging"))

        def say(stage: str, **more: str) -> None:
            cycle = {"Stage": stage, "StageStatus": "InService"}
            sagemaker.update_model_package(ModelPackageArn=version, ModelLifeCycle=cycle, **more)

        say("staging")
        for stage, more in (("prod", {}), ("staging", {"ModelApprovalStatus": "Approved"})):
            with pytest.raises(ClientError, match=DENIED):
                say(stage, **more)
        with pytest.raises(ClientError, match=DENIED):
            sagemaker.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")

    def test_only_the_approver_approves(self, cloud: Cloud, platform: Platform, version: str) -> None:
        automation = platform.accounts.automation
        operator = cloud.client("sagemaker", cloud.person(automation, names.operator_role(platform)))
        assert operator.describe_model_package(ModelPackageName=version)
        with pytest.raises(ClientError, match=DENIED):
            operator.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")
        approver = cloud.client("sagemaker", cloud.person(automation, names.approver_role(platform)))
        approver.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Rejected")
        found = approver.describe_model_package(ModelPackageName=version)
        assert found["ModelApprovalStatus"] == "Rejected"
