"""Captured requests and answers, from SageMaker's JSON lines or Parquet, some thousand rows at a time.

What cannot be read is set aside with its reason, and nothing else is lost with it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from isthmus.container import payload
from isthmus.errors import BadInput
from isthmus.monitor import exchanges, parquet
from isthmus.monitor.cores import ahead
from isthmus.monitor.exchanges import Exchanges, in_order
from isthmus.monitor.lines import Lines, blocks
from isthmus.names import GATE_PREFIX

Line = Mapping[str, Any]
# What comes of reading a line that anybody who may ask the model may have thought out.
UNREADABLE = (BadInput, AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
# Of what was set aside so many lines are kept, and of each so many characters; all are counted.
KEPT_BAD, KEPT_CHARACTERS = 1000, 10_000


@dataclass(frozen=True)
class Bad:
    """What was set aside: the file and the line in it (0 for the whole file), why, and what stood there."""

    file: str
    line: int
    reason: str
    content: str = ""

    @classmethod
    def at(cls, lines: Lines, place: int, reason: str, folder: str = "") -> Bad:
        """A line of a block; what it holds is cut where it is long."""
        (file, number), text = lines.where(place), lines.text(place)
        left = len(text) - KEPT_CHARACTERS
        content = f"{text[:KEPT_CHARACTERS]} … and {left} characters more" if left > 0 else text
        return cls(folder + file, number, reason, content)


@dataclass(frozen=True)
class Batch:
    """Rows as the model was asked for them, its answers, and the ids under which labels arrive.

    An id is the request's inference id, and with `/<row>` after it where a request had several rows.
    """

    rows: pl.DataFrame
    predictions: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))
    ids: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))
    bad: list[Bad] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """A request's predictions, a row each, and the id under which labels arrive for it.

    `named` says whether the caller gave the id: then a shadow's copy has it too. `request` is a digest.
    """

    identity: str
    named: bool
    request: bytes
    predictions: list[str]


@dataclass
class Format:
    """`features` maps the model's columns to `number` or `text`; `missing` is what stands for no value."""

    features: Mapping[str, str]
    missing: Collection[str] = ()

    def frame(self, rows: list[list[Any]]) -> pl.DataFrame:
        """Rows as a frame with a type a column; what is not a number in texts is missing, as in pandas."""
        schema = {name: pl.Float64 if kind == "number" else pl.String for name, kind in self.features.items()}
        plain = [[None if value != value else value for value in row] for row in rows]
        return pl.DataFrame(plain, schema=schema, orient="row")


def batches(folder: Path, format: Format) -> Iterator[Batch]:
    """All captured rows under `folder`, in the order of the files' names, which is that of time.

    A line that cannot be read, whose request was not of these columns, or whose answer has another number of
    rows, is set aside, and so is a Parquet file that is cut off. What the gates asked is left out.
    """
    yield from _of_lines(folder, format)
    for file in sorted(one for one in folder.rglob("*.parquet") if one.is_file()):
        yield from _of_table(file, str(file.relative_to(folder)), format)


def _of_lines(folder: Path, format: Format) -> Iterator[Batch]:
    return ahead(lambda block: _batch(block, format), blocks(folder))


def _batch(block: Lines, format: Format) -> Batch:
    found = exchanges.read(block, format.features, format.missing)
    bad = []
    rows: list[list[Any]] = []
    told: list[tuple[int, str, str]] = []
    for place, line in block.others(found.told["line"].to_numpy()):
        if _of_a_gate(line):
            continue
        try:
            asked, predictions, identity = _exchange(line, format)
        except UNREADABLE as error:
            bad.append(Bad.at(block, place, _reason(error)))
            continue
        ids = [identity] if len(asked) == 1 else [f"{identity}/{n}" for n in range(len(asked))]
        rows.extend(asked)
        told.extend((place, *one) for one in zip(predictions, ids, strict=True))
    return _together(found, format.frame(rows), told, bad)


def _together(
    found: Exchanges, rows: pl.DataFrame, told: list[tuple[int, str, str]], bad: list[Bad]
) -> Batch:
    """Rows that were read by the column and those that were read alone, in the order of their lines."""
    asked, answers = found.rows, found.told
    if told:
        alone = pl.DataFrame(told, schema=answers.schema, orient="row")
        answers, asked = pl.concat([answers, alone]), pl.concat([asked, rows])
        order = in_order(answers["line"])
        answers, asked = answers[order], asked[order]
    return Batch(asked, answers["prediction"], answers["id"], bad)


def answers(folder: Path) -> Iterator[Answer | Bad]:
    """All captured answers under `folder`, as `batches` has them, whatever was asked."""
    for block in blocks(folder):
        for place, line in block.others([]):
            if _of_a_gate(line):
                continue
            try:
                yield _answer(line)
            except UNREADABLE as error:
                yield Bad.at(block, place, _reason(error))


def _answer(line: str) -> Answer:
    record: Line = json.loads(line)
    data, metadata = record["captureData"], record["eventMetadata"]
    asked, answered = data["endpointInput"], data["endpointOutput"]
    named = metadata.get("inferenceId")
    identity, predictions = _identity(metadata), _predictions(answered)
    if not predictions:
        raise ValueError("nothing was answered")
    "".join((identity, *predictions)).encode()
    request = blake2b(_content(asked), digest_size=16).digest()
    return Answer(identity, bool(named), request, predictions)


def _of_a_gate(line: str) -> bool:
    return f'"inferenceId": "{GATE_PREFIX}' in line or f'"inferenceId":"{GATE_PREFIX}' in line


def _of_table(file: Path, name: str, format: Format) -> Iterator[Batch]:
    """Columns of the features' names, and `prediction` and `inference_id` where there are any."""
    also = ("prediction", "inference_id")
    try:
        columns = [*format.features, *(one for one in also if one in parquet.columns(file))]
        for frame in parquet.frames(file, columns):
            told = {one: frame[one].cast(pl.String) for one in also if one in columns}
            none = pl.Series(dtype=pl.String)
            answers, ids = (told.get(one, none) for one in also)
            yield Batch(frame.select(list(format.features)), answers, ids)
    except BadInput as problem:
        yield Batch(format.frame([]), bad=[Bad(name, 0, problem.what)])


def _reason(error: Exception) -> str:
    if isinstance(error, BadInput):
        return error.what
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeEncodeError):
        return "not text: half of a surrogate pair"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at character {error.pos}"
    if isinstance(error, KeyError):
        return f"not a capture: no {error.args[0]!r}"
    return str(error) if type(error) is ValueError else "not a capture of SageMaker"


def _exchange(line: str, format: Format) -> tuple[list[list[Any]], list[str], str]:
    record: Line = json.loads(line)
    data, metadata = record["captureData"], record["eventMetadata"]
    asked, answered = data["endpointInput"], data["endpointOutput"]
    kind = asked.get("observedContentType", "text/csv")
    rows = payload.read_rows(_content(asked), kind, format.features, format.missing)
    predictions = _predictions(answered)
    if len(predictions) != len(rows):
        raise ValueError(f"{len(rows)} rows were asked, and {len(predictions)} answered")
    identity = _identity(metadata)
    # JSON may escape what no text in UTF-8 may hold: a frame of twenty thousand rows would fail for it.
    texts = (cell for row in rows for cell in row if isinstance(cell, str))
    "".join((identity, *predictions, *texts)).encode()
    return rows, predictions, identity


def _identity(metadata: Line) -> str:
    """The id that the caller gave, else the endpoint's own; raises `ValueError` where neither is there."""
    identity = metadata.get("inferenceId") or metadata["eventId"]
    if identity is None or identity == "":
        raise ValueError("neither an inference id nor an event id")
    return str(identity)


def _predictions(answered: Line) -> list[str]:
    return payload.read_predictions(
        _content(answered).decode(), answered.get("observedContentType", "text/csv")
    )


def _content(part: Line) -> bytes:
    data: str = part["data"]
    return base64.b64decode(data, validate=True) if part.get("encoding") == "BASE64" else data.encode()
