"""Source identity: who stands behind a session stays with it, and policies can ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import PROD, Aws

DENIED = "AccessDenied"


@pytest.fixture(scope="module")
def roles(aws: Aws) -> dict[str, str]:
    only_ada = {"StringEquals": {"aws:SourceIdentity": "ada"}}
    become = allow(["sts:AssumeRole", "sts:SetSourceIdentity"], "*")
    made = {
        "first": make_role(
            aws, PROD, "identity-first", become, allow("iam:GetRole", "*", Condition=only_ada)
        ),
        "next": make_role(aws, PROD, "identity-next", allow("iam:GetRole", "*", Condition=only_ada)),
        "deaf": make_role(aws, PROD, "identity-deaf"),
    }
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{PROD}:root"},
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        }
    )
    for role in ("identity-first", "identity-next"):
        aws.client("iam", PROD).update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    return made


def take(aws: Aws, role: str, credentials: dict[str, str] | None = None, **more: str) -> dict[str, Any]:
    answer: dict[str, Any] = aws.client("sts", PROD, credentials).assume_role(
        RoleArn=role, RoleSessionName="test", **more
    )
    return answer


def test_a_policy_asks_who_it_is(aws: Aws, roles: dict[str, str]) -> None:
    answer = take(aws, roles["first"], SourceIdentity="ada")
    assert answer["SourceIdentity"] == "ada"
    iam = aws.client("iam", PROD, answer["Credentials"])
    assert iam.get_role(RoleName="identity-deaf")
    for other in ({}, {"SourceIdentity": "bob"}):
        held = take(aws, roles["first"], **other)["Credentials"]
        with pytest.raises(ClientError, match=DENIED):
            aws.client("iam", PROD, held).get_role(RoleName="identity-deaf")


def test_it_stays_from_role_to_role(aws: Aws, roles: dict[str, str]) -> None:
    held = take(aws, roles["first"], SourceIdentity="ada")["Credentials"]
    further = take(aws, roles["next"], held)["Credentials"]
    assert aws.client("iam", PROD, further).get_role(RoleName="identity-deaf")
    with pytest.raises(ClientError, match="cannot become bob"):
        take(aws, roles["next"], held, SourceIdentity="bob")


def test_a_role_that_does_not_take_it_is_not_entered_with_one(aws: Aws, roles: dict[str, str]) -> None:
    assert take(aws, roles["deaf"])
    with pytest.raises(ClientError, match="sts:SetSourceIdentity"):
        take(aws, roles["deaf"], SourceIdentity="ada")
