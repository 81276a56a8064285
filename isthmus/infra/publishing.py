"""Puts the files of a stack where CloudFormation and the services read them: the account's asset bucket."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.errors import Problem
from isthmus.infra.manifest import FileAsset

if TYPE_CHECKING:
    import boto3

# What zip can hold at the earliest; a clock in an archive would give the same code another hash.
EPOCH = (1980, 1, 1, 0, 0, 0)


def publish(assets: Iterable[FileAsset], session_of: Callable[[str | None], boto3.Session]) -> None:
    """Upload each asset that is not there yet. Their keys are content hashes, so what is there is right.

    Parameters
    ----------
    session_of : gives a session in the role of that ARN.
    """
    for asset in assets:
        s3 = session_of(asset.role).client("s3")
        if not _is_there(s3, asset):
            _upload(s3, asset)


def zipped(folder: Path) -> bytes:
    """The folder as a zip file with the same bytes for the same content, wherever and whenever made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _is_there(s3: Any, asset: FileAsset) -> bool:
    # The publishing role may list the bucket but a HEAD for a missing key answers 403 without it; so list.
    answer = s3.list_objects_v2(Bucket=asset.bucket, Prefix=asset.key, MaxKeys=1)
    return any(found["Key"] == asset.key for found in answer.get("Contents", []))


def _upload(s3: Any, asset: FileAsset) -> None:
    from botocore.exceptions import ClientError

    body = zipped(asset.source) if asset.is_folder else asset.source.read_bytes()
    try:
        s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=body)
    except ClientError as error:
        raise Problem(
            f"{asset.source.name} could not be uploaded: {error.response['Error']['Message']}",
            where=f"s3://{asset.bucket}/{asset.key}",
        ) from None
