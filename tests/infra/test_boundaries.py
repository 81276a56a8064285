"""What a stage's token opens, and who says what about a version. Every role's calls: test_access.py."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.errors import Refused
from isthmus.local import people
from isthmus.local.aws.bootstrap import laptop_user
from isthmus.operate.accounts import Accounts
from tests.infra.conftest import Cloud
from tests.local.aws.documents import allow, make_role

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

        def say(stage: str, **more: Any) -> None:
            cycle = {"Stage": stage, "StageStatus": "InService"}
            sagemaker.update_model_package(ModelPackageArn=version, ModelLifeCycle=cycle, **more)

        say("staging", CustomerMetadataProperties={"staging_run_id": "7", "approved_by": "robin"})
        say("staging", CustomerMetadataPropertiesToRemove=["staging_run_id"])
        for stage, more in (
            ("prod", {}),
            ("staging", {"ModelApprovalStatus": "Approved"}),
            ("staging", {"CustomerMetadataProperties": {"prod_run_id": "7"}}),
            ("staging", {"CustomerMetadataProperties": {"commit": "c0ffee"}}),
            ("staging", {"CustomerMetadataPropertiesToRemove": ["run_id"]}),
        ):
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

    @pytest.mark.parametrize("key", [*names.PROVENANCE, *names.DECISION])
    def test_an_approver_writes_nothing_of_where_a_version_came_from_or_who_decided(
        self, cloud: Cloud, platform: Platform, version: str, key: str
    ) -> None:
        held = cloud.person(platform.accounts.automation, names.approver_role(platform))
        approver = cloud.client("sagemaker", held)
        forged: list[dict[str, Any]] = [{"CustomerMetadataProperties": {key: "forged"}}]
        if key not in names.DECISION:
            forged.append({"CustomerMetadataPropertiesToRemove": [key]})
        for change in forged:
            with pytest.raises(ClientError, match=DENIED):
                approver.update_model_package(
                    ModelPackageArn=version, ModelApprovalStatus="Approved", **change
                )

    def test_an_approver_changes_nothing_without_deciding(
        self, cloud: Cloud, platform: Platform, version: str
    ) -> None:
        """Or the last change, which says who decided, would hide it."""
        held = cloud.person(platform.accounts.automation, names.approver_role(platform))
        with pytest.raises(ClientError, match=DENIED):
            cloud.client("sagemaker", held).update_model_package(
                ModelPackageArn=version, ApprovalDescription="Mine"
            )

    def test_a_person_approves_under_her_own_name(
        self, cloud: Cloud, platform: Platform, version: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        robin = user(cloud, platform, "robin")
        sign_in(monkeypatch, robin)
        approver, name = Accounts(platform).approver()
        assert name == "robin"
        approver.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")
        assert approved_by(cloud, version) == f"assumed-role/{names.approver_role(platform)}/robin"
        # As in the console, where nobody takes a role.
        herself = cloud.client("sagemaker", robin)
        herself.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Rejected")
        assert approved_by(cloud, version) == "user/robin"

    def test_nobody_approves_under_another_name(self, cloud: Cloud, platform: Platform) -> None:
        automation = platform.accounts.automation
        make_role(cloud.aws, automation, "signed-in", allow("sts:AssumeRole", "*"))
        session = cloud.aws.acting_as("signed-in", automation)
        role = names.role_arn(automation, names.approver_role(platform))
        for held, own in ((user(cloud, platform, "robin"), "robin"), (session, "test")):
            sts = cloud.client("sts", held)
            assert sts.assume_role(RoleArn=role, RoleSessionName=own)
            with pytest.raises(ClientError, match=DENIED):
                sts.assume_role(RoleArn=role, RoleSessionName="somebody")

    def test_who_is_no_approver_approves_in_no_way(
        self,
        cloud: Cloud,
        platform: Platform,
        model: str,
        version: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        automation, build = platform.accounts.automation, names.build_connection(platform, model)
        pipeline = cloud.connection(
            automation,
            names.build_role(platform, model),
            names.connection_subject(platform, build),
            platform.azure.audience,
        )
        for held in (user(cloud, platform, "dana"), pipeline):
            sagemaker = cloud.client("sagemaker", held)
            assert sagemaker.describe_model_package(ModelPackageName=version)
            with pytest.raises(ClientError, match=DENIED):
                sagemaker.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")
            sign_in(monkeypatch, held)
            with pytest.raises(Refused, match=f"does not let you act as {names.approver_role(platform)}"):
                Accounts(platform).approver()

    def test_an_approver_does_nothing_else(self, cloud: Cloud, platform: Platform, version: str) -> None:
        robin = user(cloud, platform, "robin")
        bucket = names.artifact_bucket(platform)
        for ask in (
            lambda: cloud.client("s3", robin).put_object(Bucket=bucket, Key="x", Body=b"x"),
            lambda: cloud.client("iam", robin).create_user(UserName="x"),
            lambda: cloud.client("sagemaker", robin).delete_model_package(ModelPackageName=version),
        ):
            with pytest.raises(ClientError, match=DENIED):
                ask()


def user(cloud: Cloud, platform: Platform, name: str) -> dict[str, str]:
    """The access key that `isthmus env --as NAME` gives."""
    policy = people.permissions(platform, people.find(platform, name))
    key = laptop_user(cloud.aws.root, platform.region, platform.accounts.automation, name, policy)
    return {
        "AccessKeyId": key["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": key["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": "",
    }


def sign_in(monkeypatch: pytest.MonkeyPatch, held: dict[str, str]) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", held["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", held["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", held["SessionToken"])


def approved_by(cloud: Cloud, version: str) -> str:
    """The end of the ARN of whoever changed the version last, as SageMaker says it."""
    found = cloud.aws.client("sagemaker", version.split(":")[4]).describe_model_package(
        ModelPackageName=version
    )
    return str(found["LastModifiedBy"]["IamIdentity"]["Arn"].rpartition(":")[2])
