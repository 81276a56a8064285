"""Captured requests and late labels, from SageMaker's JSON lines; broken ones are set aside and counted."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.container import payload
from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Captures:
    """Requests and answers of an endpoint: one row each, and the id under which its label will arrive."""

    frames: list[pd.DataFrame] = field(default_factory=list)
    predictions: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    bad_lines: int = 0


def read_captures(folder: Path, features: Mapping[str, str]) -> Captures:
    """All captured rows under `folder`. A line that cannot be read, or whose request was not of the model's
    columns, or whose answer has another number of rows, is counted in `bad_lines`."""
    captures = Captures()
    for record in _lines(folder, captures):
        try:
            frame, predictions, identity = _exchange(record, features)
        except (BadInput, KeyError, ValueError, TypeError, AttributeError):
            captures.bad_lines += 1
            continue
        captures.frames.append(frame)
        captures.predictions.extend(predictions)
        captures.ids.extend(
            [identity] if len(frame) == 1 else [f"{identity}/{row}" for row in range(len(frame))]
        )
    return captures


def _exchange(record: dict[str, Any], features: Mapping[str, str]) -> tuple[pd.DataFrame, list[str], str]:
    data, metadata = record["captureData"], record["eventMetadata"]
    asked = data["endpointInput"]
    frame = payload.read(_content(asked), asked.get("observedContentType", "text/csv"), features)
    predictions = _predictions(data["endpointOutput"])
    if len(predictions) != len(frame):
        raise ValueError("as many answers as rows are needed")
    return frame, predictions, metadata.get("inferenceId") or metadata["eventId"]


def _predictions(answer: dict[str, Any]) -> list[str]:
    text = _content(answer).decode()
    if "json" in answer.get("observedContentType", ""):
        return [str(one) for one in json.loads(text)["predictions"]]
    return text.split()


def _content(part: dict[str, Any]) -> bytes:
    data: str = part["data"]
    return base64.b64decode(data, validate=True) if part.get("encoding") == "BASE64" else data.encode()


def read_labels(folder: Path) -> dict[str, str]:
    """Labels by inference id, in Model Monitor's ground-truth format; the latest of several counts."""
    labels: dict[str, str] = {}
    for record in _lines(folder, Captures()):
        try:
            labels[record["eventMetadata"]["eventId"]] = str(record["groundTruthData"]["data"]).strip()
        except (KeyError, TypeError):
            continue
    return labels


def _lines(folder: Path, captures: Captures) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.rglob("*.jsonl")):
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    captures.bad_lines += bool(line.strip())
                    continue
                if isinstance(record, dict):
                    yield record
                else:
                    captures.bad_lines += 1
