"""KMS keys: one for each purpose in an account, whose policy names who may use it, and for what.

The account's root administers a key and cannot use it: so no mistake in a policy locks everybody out, and no
policy elsewhere in the account opens the key.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from aws_cdk import RemovalPolicy, Stack
from constructs import Construct

from cdk.parts.grants import (
    Conditions,
    Principal,
    Statement,
    allow,
    allow_principal,
    document,
    roles_of,
    service,
)
from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_kms, aws_ssm

Purpose = Literal["data", "images", "logs", "messages"]
USE, READ = ("kms:Decrypt", "kms:GenerateDataKey"), ("kms:Decrypt",)
# What services that encrypt by grants ask of whoever makes the resource (DynamoDB, ECR and Lambda say so).
MAKE = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:RetireGrant",
)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
LOGS_NEED = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html, without what uses the key.
ADMINISTER = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)


def through_s3(region: str, *buckets: str) -> Conditions:
    """The condition that a key is used by S3 for objects of these buckets, and for nothing else."""
    contexts = [arn for name in buckets for arn in (f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*")]
    return {
        "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
        # The bucket where S3 keeps a key for it, the object where an object has one of its own.
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": contexts},
    }


def through_sqs(region: str) -> Conditions:
    """The condition that a key is used by SQS, for messages that the caller may send or receive."""
    return {"StringEquals": {"kms:ViaService": f"sqs.{region}.amazonaws.com"}}


class Key(Construct):
    """A key that rotates every year; `allow` says who else than its administrators does what with it."""

    def __init__(self, scope: Construct, platform: Platform, purpose: Purpose) -> None:
        super().__init__(scope, f"{purpose.capitalize()}Key")
        self._stack = Stack.of(self)
        root: Principal = {"AWS": f"arn:aws:iam::{self._stack.account}:root"}, {}
        self._policy = [allow_principal(root, ADMINISTER, "*")]
        self._key = aws_kms.CfnKey(
            self,
            "Key",
            description=f"The {purpose} of {platform.name}",
            enable_key_rotation=True,
            key_policy=document(*self._policy),
        )
        self._key.apply_removal_policy(RemovalPolicy.RETAIN)
        aws_kms.CfnAlias(
            self, "Alias", alias_name=names.key_alias(platform, purpose), target_key_id=self._key.ref
        )
        self.arn = self._key.attr_arn

    def allow(
        self, principal: Principal, actions: tuple[str, ...], conditions: Conditions | None = None
    ) -> None:
        """Let a principal use the key, as far as its own policies let it too."""
        self.add(allow_principal(principal, actions, "*", conditions))

    def allow_roles(self, actions: tuple[str, ...], *role_names: str) -> None:
        """Let roles of this account use the key, as far as their own policies let them too."""
        self.allow(roles_of(self._stack.account, *role_names), actions)

    def allow_grants(self, principal: Principal) -> None:
        """Let a principal hand the key on to AWS services for what it makes with them, and to nobody else."""
        self.allow(principal, ("kms:DescribeKey",))
        self.allow(principal, ("kms:CreateGrant",), {"Bool": {"kms:GrantIsForAWSResource": "true"}})

    def allow_service(self, name: str) -> None:
        """Let an AWS service put encrypted messages into the account's own queues and topics."""
        self.allow(service(name, self._stack.account), USE)

    def allow_stacks(self, *services: str) -> None:
        """Let CloudFormation make resources of these AWS services that are encrypted with the key."""
        region, account = self._stack.region, self._stack.account
        through = [f"{name}.{region}.amazonaws.com" for name in services]
        self.allow(
            roles_of(account, names.bootstrap_role(account, region, "cfn-exec")),
            MAKE,
            {"StringEquals": {"kms:ViaService": through}},
        )

    def allow_logs(self, log_group: str) -> None:
        """Let CloudWatch Logs encrypt that one log group."""
        region, account = self._stack.region, self._stack.account
        arn = f"arn:aws:logs:{region}:{account}:log-group:{log_group}"
        logs: Principal = {"Service": f"logs.{region}.amazonaws.com"}, {}
        self.allow(logs, LOGS_NEED, {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}})

    def add(self, statement: Statement) -> None:
        if statement not in self._policy:
            self._policy.append(statement)
        self._key.key_policy = document(*self._policy)


def encrypt_disks(key: str) -> list[Statement]:
    """Let SageMaker encrypt the disks of jobs and endpoints with the account's key, and let nobody else."""
    return [
        allow("kms:DescribeKey", key),
        allow("kms:CreateGrant", key, {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    ]


def read_data_key(stack: Stack, platform: Platform) -> Statement:
    """Read which key the account's data is encrypted with."""
    name = names.data_key_parameter(platform)
    return allow("ssm:GetParameters", f"arn:aws:ssm:{stack.region}:{stack.account}:parameter{name}")


class Keys:
    """An account's keys, each made when it is first asked for: what encrypts nothing costs nothing."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        self._scope, self._platform = scope, platform

    @cached_property
    def data(self) -> Key:
        """Of buckets, and of what jobs and endpoints keep on disk; written down for those."""
        key = Key(self._scope, self._platform, "data")
        aws_ssm.CfnParameter(
            key,
            "Parameter",
            type="String",
            name=names.data_key_parameter(self._platform),
            value=key.arn,
            description="What jobs in this account encrypt their disks with",
        )
        return key

    @cached_property
    def images(self) -> Key:
        """Of image repositories."""
        return Key(self._scope, self._platform, "images")

    @cached_property
    def logs(self) -> Key:
        """Of log groups."""
        return Key(self._scope, self._platform, "logs")

    @cached_property
    def messages(self) -> Key:
        """Of queues and topics, and of the functions that work through them."""
        return Key(self._scope, self._platform, "messages")
