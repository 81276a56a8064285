"""Captured lines read by the column, a block at a time: those whose request and answer are plain CSV.

Any other line (JSON, base64, quotes, a cell that is no number) is left to `capture`, which reads it alone and
says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from isthmus.container import payload
from isthmus.container.cells import TRUTHS, is_number
from isthmus.errors import BadInput
from isthmus.names import GATE_PREFIX

_SIDE = pl.Struct(dict.fromkeys(("observedContentType", "data", "encoding"), pl.String))
_LINE = {
    "captureData": pl.Struct({"endpointInput": _SIDE, "endpointOutput": _SIDE}),
    "eventMetadata": pl.Struct({"eventId": pl.String, "inferenceId": pl.String}),
}
# Of so few lines one of which is no JSON each is read alone.
FEW = 16
# A quote, a mark of byte order, and what ends lines or is space in Python only.
_ODD = '["\ufeff\\x00-\\x09\\x0b-\\x1f]'
# Half a pair of surrogates is no text; polars makes one of it.
SURROGATE = r"\\u[dD][89a-fA-F]"
# The most that Python's csv takes in a cell.
_LONGEST = 131_072


@dataclass(frozen=True)
class Exchanges:
    """Rows that were asked; `told` has the `line` in the block, the `prediction` and the `id` of each."""

    rows: pl.DataFrame
    told: pl.DataFrame


def read(lines: Sequence[str], features: Mapping[str, str], missing: Collection[str]) -> Exchanges:
    """The rows of those lines of a block that are plain, in the order of the lines."""
    plain = _plain(lines)
    answers = _pieces(plain.select("line", text="answer")).select(
        "line", prediction=pl.col("text").str.split_exact(",", 1).struct[0].str.strip_chars()
    )
    answers = answers.filter(pl.col("prediction") != "")
    parts = list(_parts(_pieces(plain.select("line", text="request")), features))
    read = [_rows(part, order, features, missing) for order, part in parts]
    asked, rows = (pl.concat(side) for side in zip(*read, strict=True))
    # As many answers as rows, and none of a line that has a row which is none.
    sizes = [one.group_by("line").agg(n=pl.len()) for one in (asked, answers)]
    bad = asked.filter(~pl.col("whole"))["line"]
    same = sizes[0].join(sizes[1], on=["line", "n"]).filter(~pl.col("line").is_in(bad.implode()))["line"]
    if len(same) < len(sizes[0]) or len(same) < len(sizes[1]):
        kept = asked["line"].is_in(same.implode())
        asked, rows = asked.filter(kept), rows.filter(kept)
        answers = answers.filter(pl.col("line").is_in(same.implode()))
    if len(parts) > 1:
        rows = rows[in_order(asked["line"])]
    several = pl.len().over("line") > 1
    number = pl.int_range(pl.len()).over("line").cast(pl.String)
    told = answers.join(plain.select("line", "id"), on="line", how="left", maintain_order="left")
    return Exchanges(
        rows, told.with_columns(id=pl.when(several).then(pl.col("id") + "/" + number).otherwise("id"))
    )


def in_order(lines: pl.Series) -> pl.Series:
    """The places of rows by their lines, those of one line as they stand."""
    return lines.to_frame("line").select(pl.arg_sort_by("line", maintain_order=True)).to_series()


def _plain(lines: Sequence[str]) -> pl.DataFrame:
    """`line`, `request`, `answer` and `id` of the lines that can be read by the column."""
    sides = [pl.col("captureData").struct.field(one) for one in ("endpointInput", "endpointOutput")]
    texts = [side.struct.field("data") for side in sides]
    kind, accept = (side.struct.field("observedContentType") for side in sides)
    named, event = (pl.col("eventMetadata").struct.field(one) for one in ("inferenceId", "eventId"))
    return (
        parsed(lines, _LINE)
        .with_columns(pl.Series("raw", lines, dtype=pl.String))
        .with_row_index("line")
        .filter(
            kind.str.extract("^([^;]*)").str.strip_chars().str.to_lowercase().is_in(payload.CSV),
            ~accept.str.contains("json", literal=True),
            *(side.struct.field("encoding").ne_missing("BASE64") for side in sides),
            *(~text.str.contains(_ODD) for text in texts),
            texts[0].str.contains(r"\S"),
            ~pl.col("raw").str.contains(SURROGATE),
        )
        .select(
            "line", request=texts[0], answer=texts[1], id=pl.when(named != "").then(named).otherwise(event)
        )
        .filter(pl.col("id").is_not_null(), ~pl.col("id").str.starts_with(GATE_PREFIX))
    )


def parsed(lines: Sequence[str], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Each line as JSON; nothing but nulls where it is none, or has another form."""
    try:
        found = pl.read_ndjson("\n".join(lines).encode(), schema=schema)
        if found.height == len(lines):
            return found
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        pass
    if len(lines) <= FEW:
        return pl.DataFrame({name: [None] * len(lines) for name in schema}, schema=schema)
    half = len(lines) // 2
    return pl.concat([parsed(lines[:half], schema), parsed(lines[half:], schema)])


def _pieces(texts: pl.DataFrame) -> pl.DataFrame:
    """The lines of each text that are not empty, each with the `line` of its text."""
    pieces = texts.with_columns(pl.col("text").str.split("\n")).explode("text", empty_as_null=False)
    return pieces.filter(pl.col("text") != "")


def _parts(pieces: pl.DataFrame, features: Mapping[str, str]) -> Iterator[tuple[list[str], pl.DataFrame]]:
    """The rows of all requests without headers, those that have their cells in one order together."""
    names = list(features)
    first = pieces["line"] != pieces["line"].shift(1)
    first = first.fill_null(True)
    heads = _heads(pieces.filter(first)["text"], payload.Expected(names, ""))
    if not heads:
        yield names, pieces
        return
    is_head = first & pieces["text"].is_in(list(heads))
    rows, headed = pieces.filter(~is_head), pieces.filter(is_head)
    bare = rows.filter(~pl.col("line").is_in(headed["line"].implode()))
    yield names, bare
    for order in {tuple(one) for one in heads.values() if one}:
        texts = [text for text, one in heads.items() if one == list(order)]
        lines = headed.filter(pl.col("text").is_in(texts))["line"]
        yield list(order), rows.filter(pl.col("line").is_in(lines.implode()))


def _heads(firsts: pl.Series, expected: payload.Expected) -> dict[str, list[str]]:
    """The first rows that are headers, each with the columns that it names; none where they are others."""
    found: dict[str, list[str]] = {}
    for text in firsts.filter(_likely(firsts, expected.features)).unique(maintain_order=True):
        header = [cell.strip() for cell in text.split(",")]
        try:
            if payload.header_order(header, expected) is not None:
                found[text] = header
        except BadInput:
            found[text] = []
    return found


def _likely(firsts: pl.Series, names: Sequence[str]) -> pl.Series:
    """Whether a row may be a header: then one of the names stands in it, or letters beyond ASCII."""
    plain = pl.lit(pl.Series([name for name in names if name.isascii()], dtype=pl.String).implode())
    named = pl.col("text").str.contains_any(plain, ascii_case_insensitive=True)
    beyond = pl.col("text").str.len_bytes() != pl.col("text").str.len_chars()
    return firsts.to_frame("text").select(named | beyond).to_series()


def _rows(
    pieces: pl.DataFrame, order: Sequence[str], features: Mapping[str, str], missing: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """For each row its `line` and whether it is `whole`; and the rows themselves, as the model has them."""
    text, width = pl.col("text"), len(order)
    cells = pieces.select(text.str.split_exact(",", width)).to_series().struct.unnest()
    columns = dict(zip(order, cells.get_columns(), strict=False))
    whole = cells[:, width - 1].is_not_null() & cells[:, width].is_null()
    whole &= pieces["text"].str.len_bytes() <= _LONGEST
    made = {}
    for name, kind in features.items():
        made[name], sound = (
            _numbers(columns[name], missing) if kind == "number" else _texts(columns[name], missing)
        )
        whole &= sound
    return pieces.select("line", whole=whole), pl.DataFrame(made)


def _numbers(cells: pl.Series, missing: Collection[str]) -> tuple[pl.Series, pl.Series]:
    """Cells as finite numbers or nulls, and whether each is one of them; as `cells.numbers` reads them."""
    found = cells.cast(pl.Float64, strict=False)
    sound = found.is_finite().fill_null(False)
    marks = [mark for mark in missing if is_number(mark)]
    if sound.all() and not marks:
        return found, sound
    trimmed = cells.str.strip_chars()
    absent = cells.is_null() | (trimmed == "") | trimmed.is_in(list(missing))
    truths = trimmed.str.to_lowercase().replace_strict(TRUTHS, default=None, return_dtype=pl.Float64)
    found = truths.zip_with(truths.is_not_null(), trimmed.cast(pl.Float64, strict=False))
    sound = absent | found.is_finite().fill_null(False)
    return found.set(absent, None), sound


def _texts(cells: pl.Series, missing: Collection[str]) -> tuple[pl.Series, pl.Series]:
    """Cells as texts or nulls, and that each is one; as `cells.texts` reads them."""
    trimmed = cells.str.strip_chars()
    absent = (trimmed == "") | trimmed.is_in(list(missing))
    return cells.set(absent.fill_null(False), None), pl.repeat(True, len(cells), dtype=pl.Boolean, eager=True)
