"""Requests and answers in JSON by types that are known beforehand, at the speed of C.

What is written otherwise than most write it (a text for a number, a number for a text, one object that is no
list) is left to `payload`, which reads whatever an endpoint takes and says what is wrong with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
import polars as pl

from isthmus.monitor import tables
from isthmus.monitor.lines import UNREAD

# Of the kinds of JSON that `payload` reads, the one with a row a line.
LINES = "application/jsonlines"
_Row = tuple[float | str | None, ...]


class _Answer(msgspec.Struct):
    predictions: list[str | int | float]


_ANSWER = msgspec.json.Decoder(_Answer)
NONE = pl.DataFrame(schema={"line": pl.UInt32, "prediction": pl.String})


def predictions(texts: pl.DataFrame) -> pl.DataFrame:
    """The `line` and `prediction` of each answer of `texts`, in their order."""
    found = [(line, one) for line, text in texts.drop_nulls().iter_rows() for one in _predictions(text)]
    return pl.DataFrame(found, schema=NONE.schema, orient="row")


def _predictions(text: str) -> list[str]:
    try:
        return [str(one) for one in _ANSWER.decode(text).predictions]
    except UNREAD:
        return []


def read(
    texts: pl.DataFrame, kind: str, features: Mapping[str, str], missing: Collection[str]
) -> tuple[pl.Series, pl.DataFrame]:
    """The line of each row, and the rows, of the requests of `texts` (`line` and `text`)."""
    lines: list[int] = []
    rows: list[_Row] = []
    of_request = _reader(kind, features)
    for line, text in texts.drop_nulls().iter_rows():
        found = of_request(text)
        lines += [line] * len(found)
        rows += found
    columns = zip(*rows, strict=True) if rows else [()] * len(features)
    made = {}
    for (name, kind), cells in zip(features.items(), columns, strict=True):
        is_number = kind == "number"
        column = pl.Series(cells, dtype=pl.Float64 if is_number else pl.String)
        made[name] = column if is_number else tables.texts_of(column, missing)
    return pl.Series("line", lines, pl.UInt32), pl.DataFrame(made)


def _reader(kind: str, features: Mapping[str, str]) -> Callable[[str], list[_Row]]:
    """What reads the rows of a request; none where it is to be looked at."""
    names = {f"c{place}": name for place, name in enumerate(features)}
    types = [(float if one == "number" else str) | None for one in features.values()]
    fields = [*zip(names, types, strict=True)]
    try:
        named = msgspec.defstruct("named", fields, rename=names.get, forbid_unknown_fields=True, gc=False)
    except ValueError:
        # A name that JSON has to escape.
        return lambda _text: []
    # Types that are made here are none to a type checker.
    row: Any = named | tuple[tuple(types)]  # type: ignore[misc]
    whole = msgspec.defstruct("whole", [("instances", list[row])], gc=False)
    one, several = msgspec.json.Decoder(row), msgspec.json.Decoder(list[row] | whole)

    def of_request(text: str) -> list[_Row]:
        lines = [line for line in text.split("\n") if line.strip()] if kind == LINES else []
        try:
            found = [one.decode(line) for line in lines] if len(lines) > 1 else several.decode(text)
        except UNREAD:
            return []
        rows = getattr(found, "instances", found)
        return [row if type(row) is tuple else msgspec.structs.astuple(row) for row in rows]

    return of_request
