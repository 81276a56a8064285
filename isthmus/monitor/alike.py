"""JSON lines that are alike but for their texts, read by the column: so one program writes them.

A line without the texts between its quotes is its form. Lines have the form of one that was parsed where all
that is no text is the same in them, byte for byte, and each text is one of JSON: so they parse as it did.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from isthmus.monitor.lines import END, Lines, Places

# Lines of so many forms are read by the column; of any other there are few.
FORMS = 16
# Stands for an escaped quote while lines are cut at quotes: JSON has no such character.
QUOTE = "\x01"
_CONTROL = "[\\x00-\\x1f]"
_SPACE = ord(" ")


@dataclass(frozen=True)
class _Form:
    """`pieces` is what stands between a line's quotes, `texts` the places of those that are texts.

    `wanted` is where each text that is asked for stands; None where such lines have none.
    """

    pieces: list[str]
    texts: list[int]
    wanted: dict[str, int | None]


def texts(lines: Lines, wanted: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    """`line` and the texts under the keys wanted, for each line that is of a common form; null for no text.

    `plain` is whether all of them are ASCII in which nothing is escaped but ends of lines and quotes.
    Left out are lines that are no JSON, have a key twice, or anything but a text where one is wanted.
    """
    schema = {"line": pl.UInt32} | dict.fromkeys(wanted, pl.String) | {"plain": pl.Boolean}
    found = [pl.DataFrame(schema=schema)]
    # What ends with a quote is no object, and cut at quotes it looks as if it did not.
    last = np.frombuffer(lines.data, np.uint8)[lines.ends - 1]
    left = np.flatnonzero(last != ord('"'))
    controls, ascii = _controls(lines), lines.data.isascii()
    for _ in range(FORMS):
        if not len(left):
            break
        middle = len(left) // 2
        form = _form(lines.text(left[middle]), wanted)
        if form is None:
            left = np.delete(left, middle)
            continue
        like, same = _like(lines.part(left), form, controls)
        like = like.with_columns(pl.Series("line", left, pl.UInt32))
        found.append(_told(like if same.all() else like.filter(same), form, ascii).select(list(schema)))
        left = left[~same.to_numpy()]
    return pl.concat(found).sort("line")


def _controls(lines: Lines) -> bool:
    return int(np.count_nonzero(np.frombuffer(lines.data, np.uint8) < _SPACE)) > len(lines)


def _form(line: str, wanted: Mapping[str, tuple[str, ...]]) -> _Form | None:
    """The form of a line; None where it is no JSON, or has none of the texts, or something else for one."""
    pieces = line.replace('\\"', QUOTE).split('"')
    if len(pieces) % 2 == 0 or QUOTE in line:
        return None
    texts = [place for place in range(1, len(pieces), 2) if not pieces[place + 1].lstrip().startswith(":")]
    marked = dict.fromkeys(texts)
    named = (str(place) if place in marked else piece for place, piece in enumerate(pieces))
    try:
        record = json.loads('"'.join(named), object_pairs_hook=_once)
        places = {name: _place(record, path) for name, path in wanted.items()}
    except (ValueError, RecursionError):
        return None
    return None if set(places.values()) == {None} else _Form(pieces, texts, places)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _place(record: Any, path: Sequence[str]) -> int | None:
    """All texts of the record are their places."""
    for key in path:
        if record is None:
            return None
        if not isinstance(record, dict):
            raise ValueError("no object")
        record = record.get(key)
    if record is not None and not isinstance(record, str):
        raise ValueError("no text")
    return None if record is None else int(record)


def _like(data: bytes, form: _Form, controls: bool) -> tuple[pl.DataFrame, pl.Series]:
    """The pieces that are wanted of each line, and whether it has the form."""
    quote = QUOTE.encode()
    if controls:
        # One that stands there itself is no JSON, and is none after it; polars drops a carriage return.
        data = data.replace(quote, b"\x02").replace(b"\r", b"\x02")
    if any(QUOTE in piece for piece in form.pieces):
        data = data.replace(b'\\"', quote)
    size = len(form.pieces)
    pieces = pl.read_csv(
        data,
        separator='"',
        quote_char=None,
        has_header=False,
        schema={str(place): pl.String for place in range(size + 1)},
        empty_string_is_null=False,
        missing_columns="insert",
        extra_columns="ignore",
    )
    kept, told = set(form.texts), {place for place in form.wanted.values() if place is not None}
    same = [pl.col(str(place)) == form.pieces[place] for place in range(size) if place not in kept]
    same.append(pl.col(str(size)) == "")
    same += [~pl.col(str(place)).str.contains("\\", literal=True) for place in kept - told]
    if controls:
        same += [~pl.col(str(place)).str.replace_all(QUOTE, "").str.contains(_CONTROL) for place in kept]
    found = pieces.select(pl.all_horizontal(same).fill_null(False)).to_series()
    # What stands after the last piece is not seen; a line that has the form has all its quotes.
    if not found.all() or data.count(b'"') != (size - 1) * len(found):
        found &= pl.Series(_quotes(data) == size - 1)
    return pieces.select(str(place) for place in told), found


def _quotes(data: bytes) -> Places:
    """How many quotes each line has."""
    marks = np.frombuffer(data, np.uint8)
    begins = np.flatnonzero(np.concatenate([[True], marks[:-1] == END]))
    return np.add.reduceat(marks == ord('"'), begins, dtype=np.int64)


def _told(pieces: pl.DataFrame, form: _Form, ascii: bool) -> pl.DataFrame:
    """What the texts wanted say, of lines where each says something."""
    told = [pieces["line"]]
    plain, whole = (pl.repeat(one, pieces.height, eager=True) for one in (ascii, True))
    for name, place in form.wanted.items():
        if place is None:
            told.append(pl.repeat(None, pieces.height, dtype=pl.String, eager=True).alias(name))
            continue
        text = pieces[str(place)]
        if text.str.contains("[\\\\" + QUOTE + "]").any():
            text, simple = _said(text)
            plain, whole = plain & simple, whole & text.is_not_null()
        told.append(text.alias(name))
    return pl.DataFrame([*told, plain.alias("plain")]).filter(whole)


def _said(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Texts of JSON as they are meant, null where one is none; and whether each is `plain`."""
    said = texts.str.replace_all("\\n", "\n", literal=True)
    if said.str.contains(QUOTE, literal=True).any():
        said = said.str.replace_all(QUOTE, '"', literal=True)
    escaped = said.str.contains("\\", literal=True)
    if escaped.any():
        places = escaped.arg_true()
        said = said.scatter(places, _decoded(texts.gather(places)))
    return said, ~escaped


def _decoded(texts: pl.Series) -> pl.Series:
    none = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    try:
        quoted = ('"' + texts.str.replace_all(QUOTE, '\\"', literal=True) + '"').str.json_decode(pl.String)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return none
    # A text that ends before its end comes as several. Half a pair of surrogates comes as the character 0.
    if len(quoted) != len(texts):
        return none
    return quoted.set(quoted.str.contains("\x00", literal=True), None)
