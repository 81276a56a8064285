"""Accounts as bootstrapping leaves them, and the one person at the laptop."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus.infra.toolkit import Toolkit
from isthmus.local.aws import bootstrap
from tests.local.aws.documents import allow, make_role
from tests.local.conftest import AUTOMATION, REGION, STAGING, Aws

PREFIX = f"arn:aws:iam::{STAGING}:role/cdk-hnb659fds"
SUFFIX = f"{STAGING}-{REGION}"
TOOLKIT = Toolkit("isthmus", "staging", STAGING, REGION, AUTOMATION)


@pytest.fixture(scope="module")
def laptop(aws: Aws) -> dict[str, Any]:
    bootstrap.bootstrap(aws.root, TOOLKIT)
    key = bootstrap.laptop_user(aws.root, REGION, AUTOMATION)
    return {"AccessKeyId": key["AWS_ACCESS_KEY_ID"], "SecretAccessKey": key["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": None}  # fmt: skip


def assume(aws: Aws, who: dict[str, Any], account: str, role: str) -> dict[str, Any]:
    sts = aws.client("sts", account, who)
    return sts.assume_role(RoleArn=role, RoleSessionName="isthmus")["Credentials"]


def test_the_laptop_administers_automation_only(aws: Aws, laptop: dict[str, Any]) -> None:
    assert aws.client("sts", AUTOMATION, laptop).get_caller_identity()["Arn"].endswith(":user/laptop")
    aws.client("iam", AUTOMATION, laptop).list_roles()
    make_role(aws, STAGING, "inward")
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(aws, laptop, AUTOMATION, f"arn:aws:iam::{STAGING}:role/inward")


def test_bootstrapped_roles_deploy(aws: Aws, laptop: dict[str, Any]) -> None:
    deploy = assume(aws, laptop, AUTOMATION, f"{PREFIX}-deploy-role-{SUFFIX}")
    publish = assume(aws, laptop, AUTOMATION, f"{PREFIX}-file-publishing-role-{SUFFIX}")
    version = aws.client("ssm", STAGING, deploy).get_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    assert int(version["Parameter"]["Value"]) >= 6
    bucket = f"cdk-hnb659fds-assets-{SUFFIX}"
    template = b'{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    aws.client("s3", STAGING, publish).put_object(Bucket=bucket, Key="one.json", Body=template)
    cloudformation = aws.client("cloudformation", STAGING, deploy)
    cloudformation.create_stack(
        StackName="isthmus-published",
        TemplateURL=f"https://s3.{REGION}.amazonaws.com/{bucket}/one.json",
        RoleARN=f"{PREFIX}-cfn-exec-role-{SUFFIX}",
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="isthmus-published", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("iam", STAGING, deploy).list_roles()


def test_another_account_may_not_deploy(aws: Aws, laptop: dict[str, Any]) -> None:
    stranger = "999988887777"
    make_role(aws, stranger, "anyone", allow("*", "*"))
    who = aws.acting_as("anyone", stranger)
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(aws, who, stranger, f"{PREFIX}-deploy-role-{SUFFIX}")


def test_once_is_enough(aws: Aws, laptop: dict[str, Any]) -> None:
    bootstrap.bootstrap(aws.root, TOOLKIT)
    bootstrap.laptop_user(aws.root, REGION, AUTOMATION)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        aws.client("sts", AUTOMATION, laptop).get_caller_identity()
