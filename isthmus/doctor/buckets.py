"""Whether each bucket's policy names every role of another account that reads or writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from isthmus.config import AccountRole
from isthmus.doctor.finding import Finding
from isthmus.doctor.policy import granted, lets
from isthmus.doctor.sight import Document, Role, Sight
from isthmus.doctor.unnamed import others, unnamed

FILES = ("s3:GetObject", "s3:ListBucket", "s3:PutObject")


def buckets(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """The account's buckets: every role of another account that reads or writes one stands in its policy."""
    s3, suffix = sight.client(account, "s3"), f"-{sight.number(account)}-{sight.platform.region}"
    asked: dict[str, list[tuple[Role, str]]] = {}
    for role in others(sight, account):
        for action, resource in granted(role.may, *FILES):
            bucket = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
            if bucket.endswith(suffix) and bucket.startswith(f"{sight.platform.name}-"):
                asked.setdefault(bucket, []).append((role, action))
    for bucket, all_ in sorted(asked.items()):
        policy = _bucket_policy(s3, bucket)
        for (_, action), role in {(one.arn, action): one for one, action in all_}.items():
            if not lets(policy, role.arn, action):
                yield unnamed(sight, account, f"bucket {bucket}", role, action, "AWS::S3::BucketPolicy")


def _bucket_policy(s3: Any, bucket: str) -> Document:
    from botocore.exceptions import ClientError

    try:
        found: Document = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucketPolicy":
            return {}
        raise
    return found
