"""Captured lines read by the column, a block at a time: those whose request and answer are plain CSV.

Any other line (JSON, quotes, a cell that is no number) is left to `capture`, which reads it alone and
says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from isthmus.container import payload
from isthmus.container.cells import TRUTHS, is_number
from isthmus.errors import BadInput
from isthmus.monitor import alike
from isthmus.monitor.lines import Lines
from isthmus.names import GATE_PREFIX

_WANTED = {
    "request": ("captureData", "endpointInput", "data"),
    "answer": ("captureData", "endpointOutput", "data"),
    "kind": ("captureData", "endpointInput", "observedContentType"),
    "accept": ("captureData", "endpointOutput", "observedContentType"),
    "request_encoding": ("captureData", "endpointInput", "encoding"),
    "answer_encoding": ("captureData", "endpointOutput", "encoding"),
    "named": ("eventMetadata", "inferenceId"),
    "event": ("eventMetadata", "eventId"),
}
# A quote, a mark of byte order, and what ends lines or is space in Python only.
_ODD = '["\ufeff\\x00-\\x09\\x0b-\\x1f]'
# The most that Python's csv takes in a cell.
_LONGEST = 131_072


@dataclass(frozen=True)
class Exchanges:
    """Rows that were asked; `told` has the `line` in the block, the `prediction` and the `id` of each."""

    rows: pl.DataFrame
    told: pl.DataFrame


def read(lines: Lines, features: Mapping[str, str], missing: Collection[str]) -> Exchanges:
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


def _plain(lines: Lines) -> pl.DataFrame:
    """`line`, `request`, `answer` and `id` of the lines that can be read by the column."""
    told = alike.texts(lines, _WANTED)
    kind = pl.col("kind").str.extract("^([^;]*)").str.strip_chars().str.to_lowercase()
    told = told.with_columns(id=pl.when(pl.col("named") != "").then("named").otherwise("event")).filter(
        kind.is_in(payload.CSV),
        ~pl.col("accept").str.contains("json", literal=True),
        pl.col("id") != "",
        ~pl.col("id").str.starts_with(GATE_PREFIX),
    )
    told = _decoded(told)
    # Where nothing was escaped no other character is odd.
    odd = _ODD if not told["plain"].all() else '"'
    return told.filter(
        *(~pl.col(side).str.contains(odd, literal=odd == '"') for side in ("request", "answer")),
        pl.col("request").str.contains(r"\S"),
    ).select("line", "request", "answer", "id")


def _decoded(told: pl.DataFrame) -> pl.DataFrame:
    """Requests and answers that are in base64 as what they are; null where one is no text."""
    for side in ("request", "answer"):
        coded = (told[f"{side}_encoding"] == "BASE64").fill_null(False)
        if coded.any():
            places = coded.arg_true()
            found = told[side].scatter(places, _text(told[side].gather(places)))
            told = told.with_columns(found.alias(side), plain=told["plain"] & ~coded)
    return told


def _text(coded: pl.Series) -> pl.Series:
    try:
        return coded.str.decode("base64", strict=False).cast(pl.String)
    except pl.exceptions.PolarsError:
        return pl.repeat(None, len(coded), dtype=pl.String, eager=True)


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
    found = _at_once(pieces["text"], order, features, missing)
    if found is not None:
        return pieces.select("line", whole=True), found
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


def _at_once(
    texts: pl.Series, order: Sequence[str], features: Mapping[str, str], missing: Collection[str]
) -> pl.DataFrame | None:
    """The rows where each has all cells and a plain number in each that wants one; else None."""
    types = {name: pl.Float64 if kind == "number" else pl.String for name, kind in features.items()}
    data = "\n".join(texts.to_list()).encode()
    long = bool((texts.str.len_bytes() > _LONGEST).any())
    if not data or data.count(b",") != (len(order) - 1) * len(texts) or long:
        return None
    try:
        found = pl.read_csv(
            data,
            has_header=False,
            quote_char=None,
            schema={name: types[name] for name in order},
            null_values=list(missing),
        ).select(list(features))
    except pl.exceptions.PolarsError:
        return None
    numbers = found.select(pl.col(pl.Float64).is_finite().all())
    if found.height != len(texts) or not all(numbers.row(0)):
        return None
    return found.with_columns(
        _texts(found[name], missing)[0] for name, kind in features.items() if kind != "number"
    )


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
