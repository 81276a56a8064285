"""What was true of a prediction, sent later by its inference id: in the format and place that monitors read.

The format is Model Monitor's for ground truth: a JSON line each, in a folder for the hour of arrival (UTC).
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from isthmus.classes import class_of, no_label
from isthmus.counting import counted
from isthmus.errors import BadInput

ID, LABEL = "inference_id", "label"
SHOWN = 10


@dataclass(frozen=True)
class Label:
    """What was true of the request of that id; `<id>/<row>`, from 0, where the request had several rows."""

    inference_id: str
    label: str
    line: int = 0


def read(file: Path) -> list[Label]:
    """The labels of a CSV file with the columns inference_id and label, or of JSON lines with these keys.

    Raises `BadInput` where it is neither, by line.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"it is not UTF-8 text: byte {error.start}", where=str(file)) from None
    found = list(_of_lines(text, file) if file.suffix == ".jsonl" else _of_table(text, file))
    if not found:
        raise BadInput("there are no labels in it", where=str(file))
    return found


def _of_table(text: str, file: Path) -> Iterator[Label]:
    rows = csv.reader(io.StringIO(text))
    header = [cell.strip() for cell in next(rows, [])]
    if missing := [name for name in (ID, LABEL) if name not in header]:
        raise BadInput(
            f"there is no column {missing[0]}",
            where=f"{file}:1",
            todo=f"begin it with the names of its columns: {ID},{LABEL}",
        )
    identity, label = header.index(ID), header.index(LABEL)
    for row in rows:
        if len(row) not in (0, len(header)):
            raise BadInput(
                f"the line has {counted(len(row), 'cell')}, and the header {len(header)}",
                where=f"{file}:{rows.line_num}",
            )
        if row:
            yield Label(row[identity].strip(), row[label].strip(), rows.line_num)


def _of_lines(text: str, file: Path) -> Iterator[Label]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            identity, label = record[ID], record[LABEL]
        except (ValueError, KeyError, TypeError):
            raise BadInput(
                f'no label: a line is {{"{ID}": "...", "{LABEL}": "..."}}', where=f"{file}:{number}"
            ) from None
        yield Label(str(identity).strip(), str(label).strip(), number)


def require_good(labels: Sequence[Label], file: Path, classes: Sequence[str] | None) -> None:
    """Raise `BadInput` with each line at fault: an id that stands twice or is empty, a label that is none.

    `classes` are those that the model tells apart; empty where it predicts a number; None where nobody knows.
    """
    found = list(_faults(labels, classes))
    if found:
        more = f"\n  and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        listed = "".join(f"\n  {file}:{line}: {what}" for line, what in found[:SHOWN])
        count = "1 line is" if len(found) == 1 else f"{len(found)} lines are"
        raise BadInput(f"{count} no good, and nothing was sent:{listed}{more}")


def _faults(labels: Sequence[Label], classes: Sequence[str] | None) -> Iterator[tuple[int, str]]:
    seen: dict[str, int] = {}
    for one in labels:
        if not one.inference_id:
            yield one.line, "it has no inference id"
        elif one.inference_id in seen:
            yield one.line, f"{one.inference_id} stands in line {seen[one.inference_id]} already"
        seen.setdefault(one.inference_id, one.line)
        if classes is not None and (why := no_label(one.label, classes)):
            yield one.line, f"{why}: {one.label!r}"


def unseen(labels: Sequence[Label], classes: Sequence[str] | None) -> dict[str, list[int]]:
    """The lines of each class that training never saw: labels all the same, and no answer can be right."""
    found: dict[str, list[int]] = {}
    for one in labels:
        if classes and class_of(one.label, classes) is None:
            found.setdefault(one.label, []).append(one.line)
    return found


def send(s3: Any, bucket: str, model: str, labels: Sequence[Label], now: datetime) -> str:
    """Put the labels where the model's monitors look; returns the URI, which within an hour is the same."""
    lines = "".join(
        json.dumps(
            {
                "groundTruthData": {"data": one.label, "encoding": "CSV"},
                "eventMetadata": {"eventId": one.inference_id},
                "eventVersion": "0",
            }
        )
        + "\n"
        for one in labels
    ).encode()
    name = hashlib.sha256(lines).hexdigest()[:16]
    key = f"{model}/{now:%Y/%m/%d/%H}/{name}.jsonl"
    s3.put_object(Bucket=bucket, Key=key, Body=lines)
    return f"s3://{bucket}/{key}"
