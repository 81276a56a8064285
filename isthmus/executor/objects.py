"""Where a job's inputs come from and its outputs go: S3 as some role, or a folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class StoreError(Exception):
    """A refusal or a lack of the object store, in its own words."""


class ObjectStore(Protocol):
    """Objects by bucket and key. Every method raises `StoreError` where it is refused or finds nothing.

    `kms_key` encrypts what is written with that key instead of the bucket's own.
    """

    def keys(self, bucket: str, prefix: str) -> list[str]: ...
    def download(self, bucket: str, key: str, path: Path) -> None: ...
    def upload(self, path: Path, bucket: str, key: str, kms_key: str | None = None) -> None: ...
    def read(self, bucket: str, key: str) -> bytes: ...
    def write(self, bucket: str, key: str, body: bytes, kms_key: str | None = None) -> None: ...


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/some/key` as (bucket, some/key)."""
    scheme, _, rest = uri.partition("://")
    if scheme != "s3" or not rest:
        raise StoreError(f"{uri!r} is no s3:// URI")
    bucket, _, key = rest.partition("/")
    return bucket, key


def download_prefix(store: ObjectStore, uri: str, folder: Path) -> int:
    """Download every object under an S3 prefix as SageMaker lays it out, and say how many there were.

    Names are relative to the prefix where it ends a folder, else to the folder that the prefix is in.
    """
    bucket, prefix = split_uri(uri)
    keys = [key for key in store.keys(bucket, prefix) if not key.endswith("/")]
    stem = prefix if not prefix or prefix.endswith("/") else prefix + "/"
    parent = prefix.rpartition("/")[0]
    for key in keys:
        base = stem if key.startswith(stem) else parent
        path = folder / key[len(base) :].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        store.download(bucket, key, path)
    return len(keys)


def upload_folder(store: ObjectStore, folder: Path, uri: str, kms_key: str | None = None) -> None:
    """Upload every file below `folder` to the S3 prefix `uri`."""
    bucket, prefix = split_uri(uri)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            store.upload(path, bucket, f"{prefix.rstrip('/')}/{name}".lstrip("/"), kms_key)


@dataclass
class S3Store:
    """S3, as the role whose credentials the botocore client has."""

    client: Any

    def keys(self, bucket: str, prefix: str) -> list[str]:
        with _Explained(f"s3://{bucket}/{prefix}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def download(self, bucket: str, key: str, path: Path) -> None:
        with _Explained(f"s3://{bucket}/{key}"), path.open("wb") as file:
            shutil.copyfileobj(self.client.get_object(Bucket=bucket, Key=key)["Body"], file, 1 << 20)

    def upload(self, path: Path, bucket: str, key: str, kms_key: str | None = None) -> None:
        with _Explained(f"s3://{bucket}/{key}"), path.open("rb") as file:
            self.client.put_object(Bucket=bucket, Key=key, Body=file, **_encryption(kms_key))

    def read(self, bucket: str, key: str) -> bytes:
        with _Explained(f"s3://{bucket}/{key}"):
            body: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body

    def write(self, bucket: str, key: str, body: bytes, kms_key: str | None = None) -> None:
        with _Explained(f"s3://{bucket}/{key}"):
            self.client.put_object(Bucket=bucket, Key=key, Body=body, **_encryption(kms_key))


def _encryption(kms_key: str | None) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}


@dataclass
class FolderStore:
    """A folder that stands for S3: bucket and key are its paths; `mounts` puts folders under S3 prefixes."""

    root: Path
    mounts: Mapping[str, Path] = field(default_factory=dict)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        found = {
            path.relative_to(self.root / bucket).as_posix()
            for path in (self.root / bucket).rglob("*")
            if path.is_file()
        }
        for uri, source in self.mounts.items():
            owner, stem = split_uri(uri)
            if owner == bucket:
                found |= set(_mounted_keys(stem, source))
        return sorted(key for key in found if key.startswith(prefix))

    def download(self, bucket: str, key: str, path: Path) -> None:
        shutil.copyfile(self._path(bucket, key), path)

    def upload(self, path: Path, bucket: str, key: str, kms_key: str | None = None) -> None:
        target = self.root / bucket / key
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)

    def read(self, bucket: str, key: str) -> bytes:
        return self._path(bucket, key).read_bytes()

    def write(self, bucket: str, key: str, body: bytes, kms_key: str | None = None) -> None:
        target = self.root / bucket / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)

    def _path(self, bucket: str, key: str) -> Path:
        path = self.root / bucket / key
        if path.is_file():
            return path
        for uri, source in self.mounts.items():
            owner, stem = split_uri(uri)
            if owner == bucket and key in _mounted_keys(stem, source):
                return source if source.is_file() else source / key[len(stem) :].lstrip("/")
        raise StoreError(f"NoSuchKey (404): s3://{bucket}/{key} does not exist")


def _mounted_keys(stem: str, source: Path) -> list[str]:
    """The keys that a folder, or a single file, answers to under the key prefix `stem`."""
    if source.is_file():
        return [f"{stem}{source.name}" if stem.endswith("/") else stem]
    base = stem if not stem or stem.endswith("/") else stem + "/"
    return [base + path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]


class _Explained:
    """Turns what botocore raises into a `StoreError` that names the object."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
            known = error.response["Error"]
            raise StoreError(f"{known['Code']} ({status}): {known.get('Message', '')} ({self.uri})") from None
        if isinstance(error, BotoCoreError):
            raise StoreError(f"{error} ({self.uri})") from None
