"""What the world does after a deployment: rows arrive at the endpoint, their labels later, both as data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from isthmus import names
from isthmus.config import ModelConfig

WORKERS = 4


@dataclass(frozen=True)
class Later:
    """Rows that arrive after the first version was deployed, labels included."""

    rows: list[dict[str, str]]

    def csv(self) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue().encode()


def split(repository: Path, config: ModelConfig) -> tuple[bytes, Later]:
    """What the repository starts with, and what comes later.

    `later.csv` beside the data file is what comes later. Without one, the data file itself is cut in two at
    the middle, by time where model.yaml names a time column.
    """
    source = repository / config.data.source
    later = source.with_name("later.csv")
    if later.exists():
        return source.read_bytes(), Later(list(_read(later.read_text())))
    rows = list(_read(source.read_text()))
    if config.data.time:
        rows.sort(key=lambda row: row[str(config.data.time)])
    middle = len(rows) // 2
    return Later(rows[:middle]).csv(), Later(rows[middle:])


def _read(text: str) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(io.StringIO(text)))


def send(runtime: Any, config: ModelConfig, later: Later) -> int:
    """Ask the endpoint for a prediction of each row, under an inference id of its own; returns how many."""

    def ask(number: int) -> None:
        row = later.rows[number]
        body = io.StringIO()
        writer = csv.writer(body, lineterminator="\n")
        writer.writerow(config.features)
        writer.writerow([row[feature] for feature in config.features])
        runtime.invoke_endpoint(
            EndpointName=names.endpoint(config.name),
            ContentType="text/csv",
            Accept="text/csv",
            Body=body.getvalue().encode(),
            InferenceId=inference_id(number),
        )

    with ThreadPoolExecutor(WORKERS) as pool:
        return len(list(pool.map(ask, range(len(later.rows)))))


def inference_id(number: int) -> str:
    return f"later-{number:05d}"


def label(session: boto3.Session, bucket: str, config: ModelConfig, later: Later) -> None:
    """Put the labels where the monitor looks for them, in Model Monitor's ground-truth format."""
    lines = [
        json.dumps(
            {
                "groundTruthData": {"data": row[config.target], "encoding": "CSV"},
                "eventMetadata": {"eventId": inference_id(number)},
                "eventVersion": "0",
            }
        )
        for number, row in enumerate(later.rows)
        if row[config.target] != ""
    ]
    hour = datetime.now(UTC).strftime("%Y/%m/%d/%H")
    session.client("s3").put_object(
        Bucket=bucket, Key=f"{config.name}/{hour}/labels.jsonl", Body="\n".join(lines).encode()
    )


def land(session: boto3.Session, bucket: str, config: ModelConfig, later: Later) -> None:
    """Put the labelled rows where the next training looks for them."""
    session.client("s3").put_object(Bucket=bucket, Key=f"{config.name}/landed/later.csv", Body=later.csv())
