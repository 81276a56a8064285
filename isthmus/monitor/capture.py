"""Captured requests and late labels, from SageMaker's JSON lines; broken ones are set aside and counted."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.container import payload
from isthmus.errors import BadInput
from isthmus.names import GATE_PREFIX

Line = Mapping[str, Any]


@dataclass
class Captures:
    """What an endpoint was asked and answered, row by row.

    `ids` are those under which labels arrive: the request's inference id, and with `/<row>` after it where a
    request had several rows. `bad_lines` were no captures of this model.
    """

    rows: list[list[Any]] = field(default_factory=list)
    predictions: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    bad_lines: int = 0


def read_captures(folder: Path, features: Mapping[str, str], missing: Collection[str] = ()) -> Captures:
    """All captured rows under `folder`.

    `features` maps the model's columns to `number` or `text`; `missing` is what stands for no value. A line
    that cannot be read, whose request was not of these columns, or whose answer has another number of rows,
    is counted in `bad_lines`. What the gates asked is left out.
    """
    captures = Captures()
    for line in _lines(folder):
        if f'"inferenceId": "{GATE_PREFIX}' in line or f'"inferenceId":"{GATE_PREFIX}' in line:
            continue
        try:
            rows, predictions, identity = _exchange(line, features, missing)
        except (BadInput, KeyError, ValueError, TypeError, AttributeError):
            captures.bad_lines += 1
            continue
        captures.rows.extend(rows)
        captures.predictions.extend(predictions)
        several = len(rows) > 1
        captures.ids.extend(f"{identity}/{row}" if several else identity for row in range(len(rows)))
    return captures


def _exchange(
    line: str, features: Mapping[str, str], missing: Collection[str]
) -> tuple[list[list[Any]], list[str], str]:
    record: Line = json.loads(line)
    data, metadata = record["captureData"], record["eventMetadata"]
    asked, answered = data["endpointInput"], data["endpointOutput"]
    kind = asked.get("observedContentType", "text/csv")
    rows = payload.read_rows(_content(asked), kind, features, missing)
    answer = _content(answered).decode()
    predictions = payload.read_predictions(answer, answered.get("observedContentType", "text/csv"))
    if len(predictions) != len(rows):
        raise ValueError("as many answers as rows are needed")
    return rows, predictions, str(metadata.get("inferenceId") or metadata["eventId"])


def _content(part: Line) -> bytes:
    data: str = part["data"]
    return base64.b64decode(data, validate=True) if part.get("encoding") == "BASE64" else data.encode()


def read_labels(folder: Path) -> dict[str, str]:
    """Labels by inference id, in Model Monitor's ground-truth format; the latest of several counts.

    Lines of another format are left out: what has no label is not judged.
    """
    labels: dict[str, str] = {}
    for line in _lines(folder):
        try:
            record: Line = json.loads(line)
            labels[record["eventMetadata"]["eventId"]] = str(record["groundTruthData"]["data"]).strip()
        except (ValueError, KeyError, TypeError):
            continue
    return labels


def _lines(folder: Path) -> Iterator[str]:
    """Each line that is not blank, in the order of the files' names, which is that of time."""
    for file in sorted(folder.rglob("*.jsonl")):
        with file.open(encoding="utf-8", errors="replace") as lines:
            yield from (line for line in lines if line.strip())
