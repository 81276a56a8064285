"""Buckets: encrypted with a key of ours, versioned, private, TLS only, every access logged."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnResource, RemovalPolicy, Stack
from constructs import Construct

from cdk.parts.excuse import excuse
from cdk.parts.grants import WITHOUT_TLS, Principal, Statement, allow_principal, document, refuse, service
from isthmus.resource_types import aws_s3

LOG_DAYS = 400
TLS = "1.2"


class Bucket(Construct):
    """A private bucket; `allow` says who of other accounts may do what with it."""

    def __init__(self, scope: Construct, id_: str, name: str, **properties: Any) -> None:
        super().__init__(scope, id_)
        self.name, self.arn = name, bucket_arn(name)
        made = aws_s3.CfnBucket(
            self,
            "Bucket",
            bucket_name=name,
            versioning_configuration={"status": "Enabled"},
            public_access_block_configuration=_PRIVATE,
            ownership_controls={"rules": [{"objectOwnership": "BucketOwnerEnforced"}]},
            **properties,
        )
        made.apply_removal_policy(RemovalPolicy.RETAIN)
        excuse(
            made,
            "versioned and durable in one region; what it holds can be made again from the commit and data",
            "NIST.800.53.R5-S3BucketReplicationEnabled",
        )
        self.resource: CfnResource = made
        self._statements = _tls_only(made.attr_arn)
        self._policy = aws_s3.CfnBucketPolicy(
            self, "Policy", bucket=made.ref, policy_document=document(*self._statements)
        )

    def add(self, statement: Statement) -> None:
        self._statements.append(statement)
        self._policy.policy_document = document(*self._statements)

    def allow_read(self, principal: Principal, prefix: str = "") -> None:
        """Let a principal of another account list and get what lies under the prefix."""
        self.add(allow_principal(principal, "s3:GetObject", objects(self.name, prefix)))
        listing = under(prefix) if prefix else None
        self.add(allow_principal(principal, "s3:ListBucket", self.arn, listing))


class Storage(Construct):
    """The buckets of one account, and the one that their access logs go to."""

    def __init__(self, scope: Construct, *, key: str, log_bucket: str) -> None:
        super().__init__(scope, "Storage")
        self._key = key
        self._logs = Bucket(
            self,
            "Logs",
            log_bucket,
            bucket_encryption=_encryption({"sseAlgorithm": "AES256"}),
            lifecycle_configuration=_lifecycle(expire_days=LOG_DAYS, old_versions_days=30),
        )
        excuse(
            self._logs.resource,
            "S3 cannot deliver access logs to a bucket with a KMS key, and this is the one that they go to",
            "CKV_AWS_18",
            "NIST.800.53.R5-S3DefaultEncryptionKMS",
        )

    def bucket(self, id_: str, name: str, *, expire_days: int | None = None, **properties: Any) -> Bucket:
        """A bucket for the account's own data; `expire_days` for what need not be kept."""
        prefix = f"{id_.lower()}/"
        self._logs.add(
            allow_principal(
                service("logging.s3.amazonaws.com", Stack.of(self).account),
                "s3:PutObject",
                objects(self._logs.name, prefix),
                {"ArnLike": {"aws:SourceArn": bucket_arn(name)}},
            )
        )
        made = Bucket(
            self,
            id_,
            name,
            bucket_encryption=_encryption({"sseAlgorithm": "aws:kms", "kmsMasterKeyId": self._key}),
            logging_configuration={"destinationBucketName": self._logs.name, "logFilePrefix": prefix},
            lifecycle_configuration=_lifecycle(expire_days=expire_days, old_versions_days=90),
            **properties,
        )
        made.resource.add_resource_dependency(self._logs.resource)
        return made


_PRIVATE = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}


def _encryption(default: dict[str, str]) -> dict[str, Any]:
    rule = {"serverSideEncryptionByDefault": default, "bucketKeyEnabled": "kmsMasterKeyId" in default}
    return {"serverSideEncryptionConfiguration": [rule]}


def _lifecycle(*, expire_days: int | None, old_versions_days: int) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": "tidy",
        "status": "Enabled",
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
        "noncurrentVersionExpiration": {"noncurrentDays": old_versions_days},
    }
    return {"rules": [rule | ({"expirationInDays": expire_days} if expire_days else {})]}


def _tls_only(arn: str) -> list[Statement]:
    """Refuse what does not come by TLS of today."""
    everything = [arn, f"{arn}/*"]
    return [
        refuse("s3:*", everything, WITHOUT_TLS),
        refuse("s3:*", everything, {"NumericLessThan": {"s3:TlsVersion": TLS}}),
    ]


def bucket_arn(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def objects(bucket: str, *prefixes: str) -> list[str]:
    """ARNs of everything under each prefix of the bucket; no prefix: of all."""
    return [f"{bucket_arn(bucket)}/{prefix}*" for prefix in prefixes or ("",)]


def under(*prefixes: str) -> dict[str, dict[str, list[str]]]:
    """The condition that a listing stays under these prefixes."""
    return {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
