"""Policy documents, short enough to be read in a test, and the roles that hold them."""

from __future__ import annotations

import json

from tests.local.conftest import Aws


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str], **more: object) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def make_role(aws: Aws, account: str, name: str, *statements: dict, trusts: str = "") -> str:
    """A role that its account and the service `trusts` may assume, with these permissions; its ARN."""
    principal = {"AWS": f"arn:aws:iam::{account}:root"} | ({"Service": trusts} if trusts else {})
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    iam = aws.client("iam", account)
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy(*statements))
    return arn
