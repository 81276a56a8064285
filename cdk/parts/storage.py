"""Buckets: encrypted with the account's key, versioned, private, TLS only, every access logged."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, aws_kms, aws_s3
from constructs import Construct

from cdk.parts.excuse import excuse


class Storage(Construct):
    """The buckets of one account, and the one that their access logs go to."""

    def __init__(self, scope: Construct, *, key: aws_kms.IKey, log_bucket: str) -> None:
        super().__init__(scope, "Storage")
        self._key = key
        self._logs = aws_s3.Bucket(
            self,
            "Logs",
            bucket_name=log_bucket,
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                aws_s3.LifecycleRule(
                    expiration=Duration.days(400), noncurrent_version_expiration=Duration.days(30)
                )
            ],
        )
        excuse(
            self._logs,
            "S3 cannot deliver access logs to a bucket with a KMS key",
            "NIST.800.53.R5-S3DefaultEncryptionKMS",
        )
        _excuse_replication(self._logs)

    def bucket(self, id_: str, name: str, *, expire_days: int | None = None) -> aws_s3.Bucket:
        """A bucket for the account's own data; `expire_days` for what need not be kept."""
        bucket = aws_s3.Bucket(
            self,
            id_,
            bucket_name=name,
            encryption=aws_s3.BucketEncryption.KMS,
            encryption_key=self._key,
            bucket_key_enabled=True,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            server_access_logs_bucket=self._logs,
            server_access_logs_prefix=f"{id_.lower()}/",
            lifecycle_rules=[
                aws_s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(90),
                    expiration=Duration.days(expire_days) if expire_days else None,
                )
            ],
        )
        _excuse_replication(bucket)
        return bucket


def _excuse_replication(bucket: aws_s3.Bucket) -> None:
    excuse(
        bucket,
        "versioned and durable in one region; what it holds can be made again from the commit and the data",
        "NIST.800.53.R5-S3BucketReplicationEnabled",
    )


def bucket_arn(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def objects(bucket: str, *prefixes: str) -> list[str]:
    """ARNs of everything under each prefix of the bucket; no prefix: of all."""
    return [f"{bucket_arn(bucket)}/{prefix}*" for prefix in prefixes or ("",)]


def under(*prefixes: str) -> dict[str, dict[str, list[str]]]:
    """The condition that a listing stays under these prefixes."""
    return {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
