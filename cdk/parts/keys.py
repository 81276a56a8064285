"""The one KMS key of an account: its buckets, queues, tables, topics and logs."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack, aws_iam, aws_kms
from constructs import Construct

from cdk.parts.grants import allow_principal
from isthmus import names
from isthmus.config import Platform

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
LOGS_NEED = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]


def account_key(scope: Construct, platform: Platform) -> aws_kms.Key:
    """A key that rotates every year and that the account's IAM policies govern."""
    return aws_kms.Key(
        scope,
        "Key",
        alias=names.key_alias(platform),
        description=f"Everything that {platform.name} keeps in this account",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.RETAIN,
    )


def as_given(scope: Construct, key: aws_kms.IKey) -> aws_kms.IKey:
    """The same key, whose policy a construct that uses it cannot widen by itself (CDK grants with `*`)."""
    return aws_kms.Key.from_key_arn(scope, "GivenKey", key.key_arn)


def let_logs_use(key: aws_kms.Key, log_group: str) -> None:
    """Let CloudWatch Logs encrypt that one log group."""
    stack = Stack.of(key)
    arn = f"arn:aws:logs:{stack.region}:{stack.account}:log-group:{log_group}"
    key.add_to_resource_policy(
        allow_principal(
            aws_iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com"),
            LOGS_NEED,
            "*",
            {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
        )
    )


def let_service_use(key: aws_kms.Key, service: str) -> None:
    """Let an AWS service put encrypted messages into the account's own queues and topics."""
    key.add_to_resource_policy(
        allow_principal(
            aws_iam.ServicePrincipal(service),
            ["kms:Decrypt", "kms:GenerateDataKey"],
            "*",
            {"StringEquals": {"aws:SourceAccount": Stack.of(key).account}},
        )
    )
