"""Files by their content: digests, and S3 prefixes that are named after what lies under them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.errors import BadInput

# What a job needs of a repository; tests, data and pipelines stay behind.
CODE = ("model.yaml", "steps", "serving")


@dataclass(frozen=True)
class File:
    """A file to upload: its name under the prefix, and its content.

    Of data it says where they came from: a path in the repository or an S3 URI, and that object's version.
    """

    name: str
    content: bytes
    origin: str = ""
    version_id: str = ""


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex; raises `BadInput` where it is missing."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise BadInput(f"there is no {path.name}", where=str(path.parent)) from None


def inside(repository: Path, name: str) -> Path:
    """Where a file of the repository is; raises `BadInput` where there is none, or it leads out of it."""
    path = repository / name
    found = Path(os.path.realpath(path))
    if not found.is_relative_to(os.path.realpath(repository)):
        raise BadInput(
            f"{name} leads out of the repository, to {found}",
            where=str(path),
            todo="put the file itself there",
        )
    if not found.is_file():
        what = f"{name} is a link that leads nowhere" if path.is_symlink() else f"there is no file {name}"
        raise BadInput(what, where=str(repository))
    return found


def code(repository: Path) -> list[File]:
    """The files of a repository that its jobs run, in a fixed order."""
    found = []
    for name in CODE:
        paths = sorted(_below(repository, name)) if (repository / name).is_dir() else [name]
        found += [File(path, inside(repository, path).read_bytes()) for path in paths]
        if not paths:
            raise BadInput(f"there is nothing in {name}", where=str(repository))
    return found


def _below(repository: Path, folder: str) -> Iterator[str]:
    """The files under a folder by their path in the repository, without caches."""
    for at, folders, files in os.walk(repository / folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in (*files, *(name for name in folders if Path(at, name).is_symlink())):
            path = Path(at, name).relative_to(repository).as_posix()
            if not name.isprintable():
                raise BadInput(
                    f"a file cannot be called {path!a}", todo="name it in UTF-8, without line ends"
                )
            if name in folders:
                raise BadInput(f"{path} is a link to a folder", todo="put the folder itself there")
            yield path


def version(files: Iterable[File]) -> str:
    """A short name for exactly these names and contents."""
    return version_of((file.name, hashlib.sha256(file.content).hexdigest()) for file in files)


def version_of(hashes: Iterable[tuple[str, str]]) -> str:
    """The same, of each file's name and the SHA-256 of its content, in hex."""
    whole = hashlib.sha256()
    for name, sha256 in sorted(hashes):
        whole.update(f"{name}\0{sha256}\n".encode())
    return whole.hexdigest()[:16]


def upload(s3: Any, bucket: str, prefix: str, files: Iterable[File]) -> str:
    """Put the files under `prefix` unless they are there already; returns the prefix's S3 URI.

    The last object is a marker, so that an interrupted upload is not taken for a whole one.
    """
    files = list(files)
    marker = f"{prefix}.complete"
    if not _exists(s3, bucket, marker):
        for file in files:
            s3.put_object(Bucket=bucket, Key=f"{prefix}{file.name}", Body=file.content)
        s3.put_object(Bucket=bucket, Key=marker, Body=b"")
    return f"s3://{bucket}/{prefix}"


def _exists(s3: Any, bucket: str, key: str) -> bool:
    # Listing needs no more than the prefix; HeadObject would answer 403 for 'not there' without ListBucket.
    return bool(s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"))
