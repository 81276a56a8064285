"""Training data: the repository's file, and what has landed since; checked, and versioned by content."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isthmus.build import table
from isthmus.build.content import File, inside
from isthmus.build.landed import landed_objects
from isthmus.build.manifest import file_name
from isthmus.build.table import Table, is_number
from isthmus.config import ModelConfig
from isthmus.config.reading import place
from isthmus.container import moments
from isthmus.container.tabular import check_number
from isthmus.counting import counted
from isthmus.errors import BadInput, did_you_mean
from isthmus.s3 import split_uri

SAMPLE_ROWS = 400
# Of a header that may be no header at all.
SHOWN, SHOWN_LETTERS = 30, 40
# A feature of which so many cells are numbers is one of numbers, and the others stand for something else.
MOST_ARE_NUMBERS = 0.9
SEPARATORS = (";", "\t", "|", ",")
# Classes may be called by numbers, and by so many whatever they are.
MOST_NUMBERS = 20
# What a pull request is tried on where the data themselves lie in S3.
SAMPLE = "data/sample.csv"


def local_source(repository: Path, config: ModelConfig, *, enough: bool = False) -> File:
    """The data file that lies in the repository; raises `BadInput` where it is missing or does not fit.

    Or, where `enough` is asked for, where it has too few rows to learn from.
    """
    path = repository / config.data.source
    if path.is_dir():
        raise BadInput(
            f"{config.data.source} is a folder, and the data are one CSV file",
            where=place(repository / "model.yaml", "data", "source"),
            todo="name the file; more rows may land in the model's data bucket",
        )
    if not path.is_file():
        raise BadInput(
            f"there is no data file {config.data.source}",
            where=place(repository / "model.yaml", "data", "source"),
            todo="add the file, or name where it is",
        )
    content = inside(repository, config.data.source).read_bytes()
    rows = check(content, str(path), config, asked_in=repository / "model.yaml")
    if enough:
        check_number(rows, f"{path}, column {config.target}")
    return File(file_name(0, config.data.source), content, config.data.source)


def collect(s3: Any, bucket: str, repository: Path, config: ModelConfig, data_set: str = "") -> list[File]:
    """All training data: the source first, then what lies under `<model>/landed/` in order of arrival.

    There lie CSV files and complete data sets; of a set its newest version counts, or the one that `data_set`
    (`<name>@<version>`) names. Raises `BadInput` where that one is not there.
    """
    return [_source(s3, repository, config), *_landed(s3, bucket, config, data_set)]


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
    found = table.read(file.content, file.name, config)
    if config.data.time:
        rows = found.by_time(config)[-SAMPLE_ROWS:]
    else:
        rows = found.rows[:: math.ceil(len(found.rows) / SAMPLE_ROWS)]
    return File(file.name, Table(found.names, rows).text(config))


def _source(s3: Any, repository: Path, config: ModelConfig) -> File:
    from botocore.exceptions import ClientError

    bucket, key = split_uri(config.data.source)
    if not bucket:
        return local_source(repository, config)
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise BadInput(
            f"no data could be read from {config.data.source}: {error.response['Error']['Code']}",
            where="model.yaml, data.source",
            todo="name an object that the model's build role may read",
        ) from None
    content: bytes = found["Body"].read()
    check(content, config.data.source, config, asked_in=repository / "model.yaml")
    return File(file_name(0, config.data.source), content, config.data.source, found.get("VersionId", ""))


def _landed(s3: Any, bucket: str, config: ModelConfig, data_set: str) -> list[File]:
    keys = [
        key
        for landed in landed_objects(s3, bucket, config.name, data_set)
        for key in ([landed] if landed.endswith(".csv") else _files(s3, bucket, landed))
    ]
    found = []
    for number, key in enumerate(keys, 1):
        got, uri = s3.get_object(Bucket=bucket, Key=key), f"s3://{bucket}/{key}"
        content: bytes = got["Body"].read()
        check(content, uri, config, whole=False)
        found.append(File(file_name(number, uri), content, uri, got.get("VersionId", "")))
    return found


def _files(s3: Any, bucket: str, data_set: str) -> list[str]:
    """The keys of a data set's files, as the Lambda that checked them wrote them down."""
    said = json.loads(s3.get_object(Bucket=bucket, Key=data_set)["Body"].read())
    return [file["key"] for file in said["files"]]


def check(
    content: bytes, where: str, config: ModelConfig, *, whole: bool = True, asked_in: Path | None = None
) -> int:
    """How many rows have a target.

    Raises `BadInput` for a column of model.yaml that is not there, or a target that does not fit.

    `whole` says that the file is all there is, so that its target must hold every class. Where model.yaml was
    written for this file, `asked_in` is that: then what does not fit stands there, and else in the file.
    """
    if not content.strip():
        raise BadInput("the data file is empty", where=where, todo="write a header and rows, as CSV")
    found = table.read(content, where, config)
    names = found.names
    for key, column in _columns(config):
        if column not in names:
            raise BadInput(
                f"no column {column!r} in the data{did_you_mean(column, names)}",
                where=place(asked_in, *key) if asked_in else where,
                todo=_separator(names) or f"columns {f'in {where}' if asked_in else 'there'}: {_some(names)}",
            )
    for number, (row, line) in enumerate(zip(found.rows, found.lines, strict=True), 1):
        if len(row) != len(names):
            told = (
                f"row {number} has {counted(len(row), 'cell')}, and the file {counted(len(names), 'column')}"
            )
            raise BadInput(told, where=f"{where}:{line}", todo="quote a cell in which the separator stands")
    if asked_in:
        _check_numbers(found, where, config)
    at, absent = names.index(config.target), {"", *config.data.missing}
    judged = [
        (row, line)
        for row, line in zip(found.rows, found.lines, strict=True)
        if row[at].strip() not in absent
    ]
    cells = [row[at].strip() for row, _ in judged]
    _check_target(cells, where, config, whole, len(found.rows))
    if config.data.time:
        _check_time(judged, where, config.data.time, names.index(config.data.time))
    if asked_in and config.problem == "multiclass" and _is_measured(cells):
        raise BadInput(
            f"the target {config.target} has {len(set(cells))} different numbers, which are no classes "
            f"({_few(cells)})",
            where=place(asked_in, "problem"),
            todo="write problem: regression, or name another target",
        )
    return len(cells)


def _separator(names: list[str]) -> str:
    """What to do where the header is one cell that another separator would part; else empty."""
    other = next((one for one in SEPARATORS if len(names) == 1 and one in names[0]), "")
    return f"in model.yaml: data.separator: {json.dumps(other)}" if other else ""


def _check_numbers(found: Table, where: str, config: ModelConfig) -> None:
    """Raise `BadInput` where a few cells alone would make a feature of numbers one of texts."""
    absent = {"", *config.data.missing}
    for name in config.features:
        at, kind = found.names.index(name), config.data.types.get(name)
        cells = [(row[at].strip(), line) for row, line in zip(found.rows, found.lines, strict=True)]
        cells = [(cell, line) for cell, line in cells if cell not in absent]
        others = [(cell, line) for cell, line in cells if not is_number(cell)]
        are_numbers = kind == "number" or len(cells) - len(others) >= MOST_ARE_NUMBERS * len(cells)
        if not others or kind == "text" or not are_numbers:
            continue
        missing = json.dumps([*config.data.missing, *sorted({cell for cell, _ in others})[:5]])
        raise BadInput(
            f"{len(others)} of {counted(len(cells), 'cell')} of {name} are no numbers "
            f"({_few([cell for cell, _ in others])}), and would make all of them texts",
            where=f"{where}:{others[0][1]}, column {name}",
            todo=f"in model.yaml, where these stand for no value: data.missing: {missing}; "
            f"where they are names: data.types: {{{name}: text}}",
        )


def _check_time(judged: list[tuple[list[str], int]], where: str, column: str, at: int) -> None:
    """Raise `BadInput` where the time of a row that is learned from cannot be read."""
    import pandas as pd

    cells = pd.Series([row[at].strip() for row, _ in judged], name=column, dtype=object)
    moments.require(cells, lambda place: f"{where}:{judged[place][1]}")


def _columns(config: ModelConfig) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The columns that model.yaml names, each with its key."""
    for kind, columns in (("features", config.features), ("facets", config.facets)):
        yield from (((kind, at), name) for at, name in enumerate(columns))
    yield ("target",), config.target
    if config.data.time:
        yield ("data", "time"), config.data.time


def _is_measured(cells: list[str]) -> bool:
    """Whether these are many numbers, and fractions or most of them there once: no names of classes."""
    if not all(map(is_number, cells)):
        return False
    different = {float(cell) for cell in cells}
    fractions = any(not number.is_integer() for number in different)
    return len(different) > MOST_NUMBERS and (fractions or 2 * len(different) > len(cells))


def _some(names: list[str]) -> str:
    shown = ", ".join(
        name if len(name) <= SHOWN_LETTERS else f"{name[:SHOWN_LETTERS]}…" for name in names[:SHOWN]
    )
    return f"{shown}, and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def _check_target(values: list[str], where: str, config: ModelConfig, whole: bool, rows: int) -> None:
    at = f"{where}, column {config.target}"
    if not values:
        raise BadInput(
            "no row has a target" if rows else "there are no rows",
            where=at,
            todo="fill it, or name another target" if rows else "write rows below the header",
        )
    if config.problem == "regression":
        wrong = next((value for value in values if not is_number(value)), None)
        if wrong is not None:
            raise BadInput(f"{wrong!r} is not a number, and a regression needs numbers", where=at)
        return
    classes = {float(value) if is_number(value) else value for value in values}
    too_many = config.problem == "binary" and len(classes) > 2
    if too_many or (whole and len(classes) < 2):
        number = counted(len(classes), "class", "classes")
        raise BadInput(
            f"a {config.problem} problem cannot have {number} ({_few(values)})",
            where=at,
            todo="write problem: multiclass or regression, or name another target",
        )


def _few(values: list[str]) -> str:
    return ", ".join(map(repr, sorted(set(values))[:5]))
