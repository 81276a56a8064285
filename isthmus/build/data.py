"""Training data: the repository's file, and what has landed since; checked, and versioned by content."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from isthmus.build.content import File, inside
from isthmus.config import ModelConfig
from isthmus.errors import BadInput

SAMPLE_ROWS = 400
# What a pull request is tried on where the data themselves lie in S3.
SAMPLE = "data/sample.csv"
Table = tuple[list[str], list[list[str]]]


def local_source(repository: Path, config: ModelConfig) -> File:
    """The data file that lies in the repository; raises `BadInput` where it is missing or does not fit."""
    path = repository / config.data.source
    if not path.is_file():
        raise BadInput(
            f"there is no data file {config.data.source}",
            where=f"{repository / 'model.yaml'}, data.source",
            todo="add the file, or name where it is",
        )
    content = inside(repository, config.data.source).read_bytes()
    check(content, str(path), config)
    return File(f"0000-{path.stem}.csv", content)


def collect(s3: Any, bucket: str, repository: Path, config: ModelConfig) -> list[File]:
    """All training data: the source first, then every CSV under `<model>/landed/` in order of arrival."""
    return [_source(s3, repository, config), *_landed(s3, bucket, config)]


def sample(repository: Path, config: ModelConfig) -> File:
    """Some rows of the data for a quick run: the latest ones, or without a time column some from all over."""
    if config.data.source.startswith("s3://"):
        if not (repository / SAMPLE).is_file():
            raise BadInput(
                "the data lie in S3, and a sample run reads no cloud",
                where=f"model.yaml, data.source {config.data.source}",
                todo=f"add some of their rows as {SAMPLE}",
            )
        file = local_source(
            repository,
            config.model_copy(update={"data": config.data.model_copy(update={"source": SAMPLE})}),
        )
    else:
        file = local_source(repository, config)
    lines = _cells(file.content, config)
    head, rows = ([], lines) if config.data.columns else (lines[:1], lines[1:])
    if config.data.time:
        place = header(lines, config).index(config.data.time)
        rows = sorted(rows, key=lambda row: _moment(row[place] if place < len(row) else ""))
        rows = rows[-SAMPLE_ROWS:]
    else:
        rows = rows[:: math.ceil(len(rows) / SAMPLE_ROWS)]
    text = io.StringIO()
    csv.writer(text, delimiter=config.data.separator, lineterminator="\n").writerows([*head, *rows])
    return File(file.name, text.getvalue().encode())


def _source(s3: Any, repository: Path, config: ModelConfig) -> File:
    from botocore.exceptions import ClientError

    where = urlsplit(config.data.source)
    if where.scheme != "s3":
        return local_source(repository, config)
    try:
        content: bytes = s3.get_object(Bucket=where.netloc, Key=where.path.lstrip("/"))["Body"].read()
    except ClientError as error:
        raise BadInput(
            f"no data could be read from {config.data.source}: {error.response['Error']['Code']}",
            where="model.yaml, data.source",
            todo="name an object that the model's build role may read",
        ) from None
    check(content, config.data.source, config)
    return File(f"0000-{Path(where.path).stem}.csv", content)


def _landed(s3: Any, bucket: str, config: ModelConfig) -> list[File]:
    found = []
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{config.name}/landed/")
    listed = [one for page in pages for one in page.get("Contents", []) if one["Key"].endswith(".csv")]
    for number, one in enumerate(sorted(listed, key=lambda one: (one["LastModified"], one["Key"])), 1):
        content: bytes = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        check(content, f"s3://{bucket}/{one['Key']}", config, whole=False)
        found.append(File(f"{number:04d}-{Path(one['Key']).stem}.csv", content))
    return found


def check(content: bytes, where: str, config: ModelConfig, *, whole: bool = True) -> None:
    """Raise `BadInput` for a column of model.yaml that is not there, or a target that does not fit.

    `whole` says that the file is all there is, so that its target must hold every class.
    """
    rows = _cells(content, config)
    names = header(rows, config)
    time = [config.data.time] if config.data.time else []
    for column in [*config.features, config.target, *time]:
        if column not in names:
            near = difflib.get_close_matches(column, names, 1)
            raise BadInput(
                f"no column {column!r} in the data" + (f"; did you mean {near[0]!r}?" if near else ""),
                where=where,
                todo=f"columns there: {', '.join(names) or 'none'}",
            )
    body = rows if config.data.columns else rows[1:]
    for number, row in enumerate(body, 1):
        if len(row) != len(names):
            raise BadInput(f"row {number} has {len(row)} cells, and {len(names)} columns", where=where)
    place = names.index(config.target)
    absent = {"", *config.data.missing}
    _check_target(
        [row[place].strip() for row in body if row[place].strip() not in absent], where, config, whole
    )


def header(rows: Sequence[Sequence[str]], config: ModelConfig) -> list[str]:
    """The columns' names: those of model.yaml, else the first row's."""
    return config.data.columns or [cell.strip() for cell in (rows[0] if rows else [])]


def _cells(content: bytes, config: ModelConfig) -> list[list[str]]:
    text = content.decode("utf-8-sig", errors="replace")
    reader = csv.reader(io.StringIO(text), delimiter=config.data.separator, skipinitialspace=True)
    return [row for row in reader if row]


def _check_target(values: list[str], where: str, config: ModelConfig, whole: bool) -> None:
    at = f"{where}, column {config.target}"
    if not values:
        raise BadInput("no row has a target", where=at)
    if config.problem == "regression":
        wrong = next((value for value in values if not _is_number(value)), None)
        if wrong is not None:
            raise BadInput(f"{wrong!r} is not a number, and a regression needs numbers", where=at)
        return
    classes = {float(value) if _is_number(value) else value for value in values}
    too_many = config.problem == "binary" and len(classes) > 2
    if too_many or (whole and len(classes) < 2):
        few = ", ".join(sorted(set(values))[:5])
        raise BadInput(
            f"a {config.problem} problem cannot have {len(classes)} classes ({few})",
            where=at,
            todo="write problem: multiclass or regression, or name another target",
        )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _moment(text: str) -> tuple[float, str]:
    """Sorts numbers as numbers, and dates like 2012-07-31 as text."""
    return (float(text), "") if _is_number(text) else (math.inf, text)
