"""Makes local accounts what `cdk bootstrap --trust <automation>` makes of real ones; gives the laptop a user.

Role and bucket names are those of CDK's bootstrap template (qualifier hnb659fds, version 30).
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import boto3

from isthmus.local.aws.accounts import root_credentials

QUALIFIER = "hnb659fds"
VERSION = "30"
STACK = "CDKToolkit"
LAPTOP = "laptop"


def bootstrap(url: str, region: str, account: str, trusted: str) -> None:
    """Bootstrap `account` so that principals of the account `trusted` may deploy to it; idempotent.

    Also turns on what an administrator turns on once by hand: tokens that go out (sts:GetWebIdentityToken).
    """
    session = _session(account, region)
    iam = session.client("iam", endpoint_url=url)
    with contextlib.suppress(iam.exceptions.FeatureEnabledException):
        iam.enable_outbound_web_identity_federation()
    client = session.client("cloudformation", endpoint_url=url)
    if _stands(client):
        return
    template = json.dumps(_template(account, region, trusted))
    client.create_stack(StackName=STACK, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    client.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )


def laptop_user(url: str, region: str, account: str) -> dict[str, str]:
    """An access key of the automation account's administrator, as environment variables.

    The key is made anew at every call: nothing long-lived is kept, and the one before stops working.
    """
    iam = _session(account, region).client("iam", endpoint_url=url)
    try:
        iam.create_user(UserName=LAPTOP)
    except iam.exceptions.EntityAlreadyExistsException:
        for key in iam.list_access_keys(UserName=LAPTOP)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=LAPTOP, AccessKeyId=key["AccessKeyId"])
    iam.put_user_policy(
        UserName=LAPTOP, PolicyName="administrator", PolicyDocument=json.dumps(_ADMINISTRATOR)
    )
    key = iam.create_access_key(UserName=LAPTOP)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


# The one person at the laptop administers the automation account; elsewhere only roles that trust it.
_ADMINISTRATOR = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def _session(account: str, region: str) -> boto3.Session:
    root = root_credentials(account)
    return boto3.Session(root["AWS_ACCESS_KEY_ID"], root["AWS_SECRET_ACCESS_KEY"], region_name=region)


def _stands(client: Any) -> bool:
    """Whether the stack stands; one whose making was interrupted is taken down first."""
    try:
        (stack,) = client.describe_stacks(StackName=STACK)["Stacks"]
    except client.exceptions.ClientError:
        return False
    if stack["StackStatus"] == "CREATE_COMPLETE":
        return True
    client.delete_stack(StackName=STACK)
    client.get_waiter("stack_delete_complete").wait(
        StackName=stack["StackId"], WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    return False


def _template(account: str, region: str, trusted: str) -> dict[str, Any]:
    bucket = f"cdk-{QUALIFIER}-assets-{account}-{region}"
    execution = f"arn:aws:iam::{account}:role/cdk-{QUALIFIER}-cfn-exec-role-{account}-{region}"
    stacks = f"arn:aws:cloudformation:{region}:{account}:stack/*"
    return {
        "Description": "What `cdk bootstrap` makes, for a local account.",
        "Resources": {
            "Assets": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"BucketName": bucket, "VersioningConfiguration": {"Status": "Enabled"}},
            },
            "Version": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Name": f"/cdk-bootstrap/{QUALIFIER}/version",
                    "Type": "String",
                    "Value": VERSION,
                },
            },
            "Deploy": _role(
                f"cdk-{QUALIFIER}-deploy-role-{account}-{region}",
                _trust(trusted, account),
                [
                    ("cloudformation:*", [stacks, f"arn:aws:cloudformation:{region}:{account}:changeSet/*"]),
                    (
                        ["s3:GetObject", "s3:ListBucket"],
                        [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                    ),
                    ("ssm:GetParameter", f"arn:aws:ssm:{region}:{account}:parameter/cdk-bootstrap/*"),
                    ("iam:PassRole", execution),
                ],
            ),
            "Publish": _role(
                f"cdk-{QUALIFIER}-file-publishing-role-{account}-{region}",
                _trust(trusted, account),
                [
                    (
                        ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetBucketLocation"],
                        [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                    ),
                    ("ssm:GetParameter", f"arn:aws:ssm:{region}:{account}:parameter/cdk-bootstrap/*"),
                ],
            ),
            "Execute": _role(
                f"cdk-{QUALIFIER}-cfn-exec-role-{account}-{region}",
                {"Service": "cloudformation.amazonaws.com"},
                [("*", "*")],
            ),
        },
    }


def _trust(*accounts: str) -> dict[str, Any]:
    return {"AWS": sorted({f"arn:aws:iam::{account}:root" for account in accounts})}


def _role(name: str, principal: dict[str, Any], grants: list[tuple[Any, Any]]) -> dict[str, Any]:
    statements = [{"Effect": "Allow", "Action": action, "Resource": where} for action, where in grants]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {
                    "PolicyName": "bootstrap",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
                }
            ],
        },
    }
