"""Objects by their S3 URIs, which may hold any character: they are no URLs to be parsed as such."""

from __future__ import annotations

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
