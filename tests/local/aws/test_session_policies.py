"""Policies of a session: refused as STS refuses them, and they narrow it whoever assumes the role."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import ACCOUNTS, ISSUER, Aws

STAGING = ACCOUNTS["staging"]
SUBJECT, AUDIENCE = "sc://contoso/weather/narrowed", "api://Narrowed"
READ = allow("iam:GetRole", "*")
WRONG = {
    "no JSON": "{",
    "no object": "[]",
    "no statement": json.dumps({"Version": "2012-10-17"}),
    "a version of its own": json.dumps({"Version": "2026-01-01", "Statement": [READ]}),
    "an unknown element": json.dumps({"Version": "2012-10-17", "Statement": [READ], "Except": "me"}),
    "an unknown element of a statement": policy(READ | {"Allow": "*"}),
    "a principal": policy(READ | {"Principal": "*"}),
    "no effect": policy({"Action": "*", "Resource": "*"}),
    "an action of nobody": policy(allow("GetRole", "*")),
    "a resource that is no ARN": policy(allow("iam:GetRole", "role/mine")),
}


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    """A role that the account and a token may assume, which reads roles and lists them."""
    arn = make_role(aws, STAGING, "narrowed", allow(["iam:GetRole", "iam:ListRoles"], "*"))
    iam = aws.client("iam", STAGING)
    # In an account of its own: a provider stands once in each.
    found = iam.create_open_id_connect_provider(
        Url=ISSUER, ClientIDList=[AUDIENCE], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    by_token = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": found},
        "Condition": {"StringEquals": {f"{ISSUER.removeprefix('https://')}:sub": SUBJECT}},
    }
    by_account = allow("sts:AssumeRole", "*") | {"Principal": {"AWS": f"arn:aws:iam::{STAGING}:root"}}
    del by_account["Resource"]
    iam.update_assume_role_policy(RoleName="narrowed", PolicyDocument=policy(by_token, by_account))
    return arn


def by_account(aws: Aws, role: str, **more: str) -> dict[str, Any]:
    taken = aws.client("sts", STAGING).assume_role(RoleArn=role, RoleSessionName="it", **more)
    found: dict[str, Any] = taken["Credentials"]
    return found


def by_token(aws: Aws, role: str, **more: str) -> dict[str, Any]:
    sts = boto3.client(
        "sts", endpoint_url=aws.url, region_name=aws.region, config=Config(signature_version=UNSIGNED)
    )
    token = aws.azure.token(SUBJECT, AUDIENCE)
    taken = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="it", WebIdentityToken=token, **more
    )
    found: dict[str, Any] = taken["Credentials"]
    return found


WAYS = {"an account": by_account, "a token": by_token}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_policy_opens_no_session(aws: Aws, role: str, way: str, wrong: str) -> None:
    with pytest.raises(ClientError) as refused:
        WAYS[way](aws, role, Policy=WRONG[wrong])
    assert refused.value.response["Error"]["Code"] == "MalformedPolicyDocument"


@pytest.mark.parametrize("way", WAYS)
def test_a_session_may_no_more_than_its_policy(aws: Aws, role: str, way: str) -> None:
    wide, narrow = WAYS[way](aws, role), WAYS[way](aws, role, Policy=policy(READ))
    assert aws.client("iam", STAGING, wide).list_roles()
    iam = aws.client("iam", STAGING, narrow)
    assert iam.get_role(RoleName="narrowed")
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.list_roles()
    assert aws.client("iam", STAGING, WAYS[way](aws, role)).list_roles()
