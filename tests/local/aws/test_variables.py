"""Policy variables: one policy for all models, in which each role's tag says which of them it is about."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import AUTOMATION, PROD, REGION, Aws

BUCKET = "of-many-models"
MINE = "${aws:PrincipalTag/model}"
OBJECTS = f"arn:aws:s3:::{BUCKET}/{MINE}/*"
DENIED = "AccessDenied|Access Denied"
UNDER_MINE = {"StringLike": {"s3:prefix": f"{MINE}/*"}}
STATEMENTS = (
    allow("s3:GetObject", OBJECTS),
    allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}", Condition=UNDER_MINE),
)


@pytest.fixture(scope="module", autouse=True)
def bucket(aws: Aws) -> None:
    s3 = aws.client("s3", AUTOMATION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("rain/a", "rain-2/a", "snow/a", "/a"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    whole_account = {"Principal": {"AWS": f"arn:aws:iam::{PROD}:root"}}
    from_prod = [statement | whole_account for statement in STATEMENTS]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(*from_prod))


def acting(aws: Aws, account: str, name: str, **tags: str) -> Any:
    make_role(aws, account, name, *STATEMENTS)
    if tags:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        aws.client("iam", account).tag_role(RoleName=name, Tags=listed)
    return aws.client("s3", account, aws.acting_as(name, account))


@pytest.mark.parametrize("account", [AUTOMATION, PROD])
def test_a_role_reaches_what_its_tag_names_and_nothing_beside_it(aws: Aws, account: str) -> None:
    s3 = acting(aws, account, "of-rain", model="rain")
    assert s3.get_object(Bucket=BUCKET, Key="rain/a")["Body"].read() == b"rain/a"
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="rain/")["KeyCount"] == 1
    for key in ("rain-2/a", "snow/a"):
        with pytest.raises(ClientError, match=DENIED):
            s3.get_object(Bucket=BUCKET, Key=key)
    for prefix in ("rain", "snow/", ""):
        with pytest.raises(ClientError, match=DENIED):
            s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)


@pytest.mark.parametrize("account", [AUTOMATION, PROD])
def test_a_role_without_the_tag_reaches_nothing(aws: Aws, account: str) -> None:
    s3 = acting(aws, account, "of-nothing")
    for key in ("rain/a", "/a", f"{MINE}/a"):
        with pytest.raises(ClientError, match=DENIED):
            s3.get_object(Bucket=BUCKET, Key=key)


def test_a_wildcard_in_a_tag_is_none_in_the_policy(aws: Aws) -> None:
    # IAM's own check of a tag's characters would refuse it first.
    s3 = acting(aws, AUTOMATION, "of-any", model="*")
    with pytest.raises(ClientError, match=DENIED):
        s3.get_object(Bucket=BUCKET, Key="rain/a")


def test_the_same_policy_written_for_another_key_is_another(aws: Aws) -> None:
    s3 = acting(aws, AUTOMATION, "of-a-team", team="rain")
    with pytest.raises(ClientError, match=DENIED):
        s3.get_object(Bucket=BUCKET, Key="rain/a")


def test_a_default_stands_for_a_tag_that_is_not_there(aws: Aws) -> None:
    make_role(
        aws, AUTOMATION, "by-default", allow("s3:GetObject", OBJECTS.replace("model}", "model, 'snow'}"))
    )
    s3 = aws.client("s3", AUTOMATION, aws.acting_as("by-default", AUTOMATION))
    assert s3.get_object(Bucket=BUCKET, Key="snow/a")["Body"].read() == b"snow/a"
    with pytest.raises(ClientError, match=DENIED):
        s3.get_object(Bucket=BUCKET, Key="rain/a")
