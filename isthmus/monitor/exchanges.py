"""Captured lines read by the column, a block at a time: requests and answers in plain CSV, and usual JSON.

Any other line (quotes in CSV, a cell that is no number) is left to `capture`, which reads it alone and says
what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec
import polars as pl

from isthmus.container import payload
from isthmus.monitor import instances, tables
from isthmus.monitor.lines import Lines
from isthmus.names import GATE_PREFIX


class _Side(msgspec.Struct, rename="camel", gc=False):
    data: str
    observed_content_type: str = "text/csv"
    encoding: str = ""


class _Data(msgspec.Struct, rename="camel", gc=False):
    endpoint_input: _Side
    endpoint_output: _Side


class _Metadata(msgspec.Struct, rename="camel", gc=False):
    event_id: str | None = None
    inference_id: str | None = None


class _Line(msgspec.Struct, rename="camel", gc=False):
    capture_data: _Data
    event_metadata: _Metadata


_LINES = msgspec.json.Decoder(_Line)
_TOLD = {"line": pl.UInt32} | dict.fromkeys(("id", "request", "answer"), pl.String)


class _Form(NamedTuple):
    """The kind of a request, whether its answer is JSON, and which of the two are in base64."""

    kind: str
    json: bool
    coded: tuple[bool, bool]


@dataclass(frozen=True)
class Exchanges:
    """Rows that were asked; `told` has the `line` in the block, the `prediction` and the `id` of each."""

    rows: pl.DataFrame
    told: pl.DataFrame


def read(lines: Lines, features: Mapping[str, str], missing: Collection[str]) -> Exchanges:
    """The rows of those lines of a block that are read by the column, in the order of the lines."""
    asked, answers, ids = [tables.none(features)], [instances.NONE], [pl.DataFrame(schema=_TOLD)]
    for form, told in _told(lines):
        ids.append(told)
        answers.append((instances if form.json else tables).predictions(told.select("line", text="answer")))
        requests = told.select("line", text="request")
        if form.kind in payload.CSV:
            asked += tables.read(requests, features, missing)
        elif form.kind in payload.READERS:
            asked.append(instances.read(requests, form.kind, features, missing))
    numbers, rows = (pl.concat(side) for side in zip(*asked, strict=True))
    told = pl.concat(answers)
    if len(asked) > 2:
        order = in_order(numbers)
        numbers, rows, told = numbers[order], rows[order], told.sort("line", maintain_order=True)
    return _matched(numbers, rows, told, pl.concat(ids).select("line", "id"))


def _matched(lines: pl.Series, rows: pl.DataFrame, answers: pl.DataFrame, ids: pl.DataFrame) -> Exchanges:
    """Of lines with as many answers as rows both, each with its id."""
    if not lines.equals(answers["line"]):
        sizes = [one.to_frame("line").group_by("line").len() for one in (lines, answers["line"])]
        same = sizes[0].join(sizes[1], on=["line", "len"])["line"].implode()
        rows, lines = rows.filter(lines.is_in(same)), lines.filter(lines.is_in(same))
        answers = answers.filter(pl.col("line").is_in(same))
    told = answers.join(ids, on="line", how="left", maintain_order="left")
    if lines.n_unique() < len(lines):
        several = pl.len().over("line") > 1
        number = pl.int_range(pl.len()).over("line").cast(pl.String)
        told = told.with_columns(id=pl.when(several).then(pl.col("id") + "/" + number).otherwise("id"))
    return Exchanges(rows, told)


def in_order(lines: pl.Series) -> pl.Series:
    """The places of rows by their lines, those of one line as they stand."""
    return lines.to_frame("line").select(pl.arg_sort_by("line", maintain_order=True)).to_series()


def _told(lines: Lines) -> Iterator[tuple[_Form, pl.DataFrame]]:
    """`line`, `id`, `request` and `answer` of the exchanges of each form; null for what is no text."""
    places, found = lines.read(_LINES)
    asked = [one.capture_data.endpoint_input for one in found]
    answered = [one.capture_data.endpoint_output for one in found]
    columns = {
        "line": places,
        "id": [one.event_metadata.inference_id or one.event_metadata.event_id for one in found],
        "request": [one.data for one in asked],
        "answer": [one.data for one in answered],
    }
    told = pl.DataFrame(columns, schema=_TOLD)
    kept = (pl.col("id") != "") & ~pl.col("id").str.starts_with(GATE_PREFIX)
    forms = [
        _form(one.observed_content_type, other.observed_content_type, one.encoding, other.encoding)
        for one, other in zip(asked, answered, strict=True)
    ]
    for form in dict.fromkeys(forms):
        same = pl.Series([one == form for one in forms])
        coded = [one for one, is_ in zip(("request", "answer"), form.coded, strict=True) if is_]
        part = told.filter(kept, same)
        yield form, part.with_columns(_text(part[one]) for one in coded)


@lru_cache(maxsize=1024)
def _form(kind: str, accept: str, *encodings: str) -> _Form:
    """Any kind that is not served is one: callers may send what they like."""
    kind = kind.partition(";")[0].strip().lower()
    first, second = (one == "BASE64" for one in encodings)
    return _Form(kind if kind in payload.READERS else "", "json" in accept, (first, second))


def _text(coded: pl.Series) -> pl.Series:
    """What is in base64 as the text that it is; null where it is none."""
    try:
        return coded.str.decode("base64", strict=False).cast(pl.String)
    except pl.exceptions.PolarsError:
        return pl.repeat(None, len(coded), dtype=pl.String, eager=True).alias(coded.name)
