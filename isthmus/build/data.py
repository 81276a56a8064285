"""Training data: the repository's file, and what has landed since; checked, and versioned by content."""

from __future__ import annotations

import csv
import difflib
import io
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from isthmus.build.content import File
from isthmus.config import ModelConfig
from isthmus.errors import BadInput

SAMPLE_ROWS = 400


def local_source(repository: Path, config: ModelConfig) -> File:
    """The data file that lies in the repository; raises `BadInput` where it is missing or lacks a column."""
    path = repository / config.data.source
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(
            f"there is no data file {config.data.source}",
            where=f"{repository / 'model.yaml'}, data.source",
            todo="add the file, or name where it is",
        ) from None
    check_columns(content, str(path), config)
    return File(f"0000-{path.name}", content)


def collect(s3: Any, bucket: str, repository: Path, config: ModelConfig) -> list[File]:
    """All training data: the source first, then every CSV under `<model>/landed/` in order of arrival."""
    return [_source(s3, repository, config), *_landed(s3, bucket, config)]


def _source(s3: Any, repository: Path, config: ModelConfig) -> File:
    where = urlsplit(config.data.source)
    if where.scheme != "s3":
        return local_source(repository, config)
    content: bytes = s3.get_object(Bucket=where.netloc, Key=where.path.lstrip("/"))["Body"].read()
    check_columns(content, config.data.source, config)
    return File(f"0000-{Path(where.path).name}", content)


def _landed(s3: Any, bucket: str, config: ModelConfig) -> list[File]:
    found = []
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{config.name}/landed/")
    listed = [one for page in pages for one in page.get("Contents", []) if one["Key"].endswith(".csv")]
    for number, one in enumerate(sorted(listed, key=lambda one: (one["LastModified"], one["Key"])), 1):
        content: bytes = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        check_columns(content, f"s3://{bucket}/{one['Key']}", config)
        found.append(File(f"{number:04d}-{Path(one['Key']).name}", content))
    return found


def check_columns(content: bytes, where: str, config: ModelConfig) -> None:
    """Raise `BadInput` for a column of model.yaml that the CSV's header does not have, with the nearest."""
    header = next(csv.reader(io.StringIO(content.decode("utf-8", errors="replace"))), [])
    for column in [*config.features, config.target, *([config.data.time] if config.data.time else [])]:
        if column not in header:
            near = difflib.get_close_matches(column, header, 1)
            raise BadInput(
                f"no column {column!r} in the data" + (f"; did you mean {near[0]!r}?" if near else ""),
                where=where,
                todo=f"columns there: {', '.join(header) or 'none'}",
            )


def sample(file: File) -> File:
    """The last rows of a data file, for a quick run."""
    lines = file.content.splitlines(keepends=True)
    return File(file.name, b"".join(lines[:1] + lines[1:][-SAMPLE_ROWS:]))
