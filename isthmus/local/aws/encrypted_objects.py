"""Whoever reads or writes an object that a KMS key encrypts needs the key as well, for that bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar

from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import kms, s3

READ_KEY, WRITE_KEY = "kms:Decrypt", "kms:GenerateDataKey"
Check = tuple[str, str]
# Which bucket the request at hand uses a key for, by action and key.
_buckets: ContextVar[dict[Check, str] | None] = ContextVar("isthmus_buckets", default=None)
_object_checks = iam_actions.s3_additional_checks


def install() -> None:
    iam_actions.s3_additional_checks = _checks_of_objects


def context(action: str, key: str) -> dict[str, str]:
    """The encryption context that S3 sends with the use of a key: the bucket, as its bucket keys have it."""
    bucket = (_buckets.get() or {}).get((action, key))
    return {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}"} if bucket else {}


def customer_key(name: str) -> list[str]:
    """The ARN of a KMS key of this account or, by its ARN, another; none for AWS's own keys."""
    if not name or name.startswith("alias/aws/"):
        return []
    parts = name.split(":")
    owner = parts[4] if len(parts) > 5 else get_account_id()
    with request_scope(owner, get_region()):
        record = kms._resolve_key(name)
    return [record["Arn"]] if record else []


def _checks_of_objects(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, object]
) -> list[Check]:
    uses = list(_uses(method, path, headers, query))
    _buckets.set({(action, key): bucket for action, key, bucket in uses})
    checks: list[Check] = list(_object_checks(method, path, headers, body, query))
    return checks + [(action, key) for action, key, _ in uses]


def _uses(
    method: str, path: str, headers: dict[str, str], query: dict[str, object]
) -> Iterator[tuple[str, str, str]]:
    """Which KMS permissions reading or writing an object needs, on which key, for which bucket."""
    bucket, _, name = path.lstrip("/").partition("/")
    if not name or set(query) & {"tagging", "acl", "retention", "legal-hold", "attributes"}:
        return
    if method == "GET" and "uploadId" not in query:
        yield from ((READ_KEY, key, bucket) for key in _key(bucket))
    elif method == "PUT" or (method == "POST" and set(query) & {"uploads", "uploadId"}):
        asked = headers.get("x-amz-server-side-encryption-aws-kms-key-id", "")
        # A key may be asked for by its alias; permissions are always about the key itself.
        yield from ((WRITE_KEY, key, bucket) for key in (customer_key(asked) if asked else _key(bucket)))
    source = headers.get("x-amz-copy-source", "").lstrip("/").partition("/")[0]
    yield from ((READ_KEY, key, source) for key in (_key(source) if source else []))


def _key(bucket: str) -> list[str]:
    """The ARN of the KMS key that encrypts the bucket; none where S3's own key does."""
    owner = s3._bucket_owner_account(bucket)
    if owner is None:
        return []
    with request_scope(owner, get_region()):
        name = s3._bucket_default_sse_headers(bucket).get("x-amz-server-side-encryption-aws-kms-key-id")
        return customer_key(name or "")
