"""What the world does after a deployment: rows arrive at the endpoint, their labels later, both as data."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import boto3

from isthmus import names
from isthmus.build import data, table
from isthmus.build.content import inside
from isthmus.build.table import Table
from isthmus.config import ModelConfig
from isthmus.operate import labels

WORKERS = 4
LATER = "later.csv"


@dataclass(frozen=True)
class Later:
    """Rows that arrive after the first version was deployed, labels included."""

    table: Table

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        return [dict(zip(self.table.names, row, strict=True)) for row in self.table.rows]


def split(repository: Path, config: ModelConfig) -> tuple[bytes, Later]:
    """What the repository starts with, and what comes later.

    `later.csv` beside the data file is what comes later. Without one, the data file itself is cut in two:
    at the middle by time where model.yaml names a time column, else into every other row, so that a file
    that is sorted by class has all classes in both. Raises `BadInput` for data that do not fit the model.
    """
    file = data.local_source(repository, config).content
    later = PurePosixPath(config.data.source).with_name(LATER)
    if (repository / later).exists():
        return file, Later(_checked(inside(repository, str(later)).read_bytes(), later, config, whole=False))
    found = table.read(file, config.data.source, config)
    rows, middle = found.by_time(config), len(found.rows) // 2
    first, second = (rows[:middle], rows[middle:]) if config.data.time else (rows[::2], rows[1::2])
    start = Table(found.names, first).text(config)
    _checked(start, PurePosixPath(f"the first half of {config.data.source}"), config, whole=True)
    return start, Later(Table(found.names, second))


def _checked(content: bytes, name: PurePosixPath, config: ModelConfig, *, whole: bool) -> Table:
    data.check(content, str(name), config, whole=whole)
    return table.read(content, str(name), config)


def line(config: ModelConfig, row: Mapping[str, str]) -> str:
    """The row's features as a request to the endpoint has them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([row[feature] for feature in config.features])
    return text.getvalue()


def send(runtime: Any, config: ModelConfig, later: Later) -> int:
    """Ask the endpoint for a prediction of each row, under an inference id of its own; returns how many."""

    header = line(config, {name: name for name in config.features})

    def ask(number: int) -> None:
        answer = runtime.invoke_endpoint(
            EndpointName=names.endpoint(config.name),
            ContentType="text/csv",
            Accept="text/csv",
            Body=f"{header}\n{line(config, later.rows[number])}\n".encode(),
            InferenceId=inference_id(number),
        )
        # Only a connection whose answer was read is used again.
        answer["Body"].read()

    with ThreadPoolExecutor(WORKERS) as pool:
        return len(list(pool.map(ask, range(len(later.rows)))))


def inference_id(number: int) -> str:
    return f"later-{number:05d}"


def label(session: boto3.Session, bucket: str, config: ModelConfig, later: Later) -> None:
    """Send what was true of each row, where its target has a value."""
    absent = {"", *config.data.missing}
    found = [
        labels.Label(inference_id(number), row[config.target])
        for number, row in enumerate(later.rows)
        if row[config.target].strip() not in absent
    ]
    labels.send(session.client("s3"), bucket, config.name, found, datetime.now(UTC))


def land(session: boto3.Session, bucket: str, config: ModelConfig, later: Later) -> None:
    """Put the labelled rows where the next training looks for them."""
    rows = later.table.text(config)
    session.client("s3").put_object(Bucket=bucket, Key=f"{config.name}/landed/{LATER}", Body=rows)
