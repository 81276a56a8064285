"""Objects by their S3 URIs, which may hold any character: they are no URLs to be parsed as such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/some/key` as (bucket, some/key); both empty where it is something else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return (bucket, key) if scheme == "s3" else ("", "")


def read_object(s3: Any, uri: str) -> bytes:
    """The object's content. Raises the client's errors, such as `NoSuchKey`."""
    bucket, key = split_uri(uri)
    content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def find(s3: Any, uri: str) -> Mapping[str, Any] | None:
    """GetObject's answer; None where nothing is there: who may not list a bucket is refused what is not."""
    bucket, key = split_uri(uri)
    try:
        found: Mapping[str, Any] = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "AccessDenied"):
            raise
        return None
    return found
