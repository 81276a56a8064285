"""Requests and answers in plain CSV, read by the column.

What has quotes, or a cell that is no number where one is wanted, is left out: `payload` reads it alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from isthmus.container import payload
from isthmus.container.cells import TRUTHS, is_number
from isthmus.errors import BadInput

# The line of each row, and the rows, with the features as columns.
Rows = tuple[pl.Series, pl.DataFrame]
# A quote, a mark of byte order, and what ends lines or is space in Python only.
_ODD = '["\ufeff\\x00-\\x09\\x0b-\\x1f]'
# The most that Python's csv takes in a cell.
_LONGEST = 131_072
_SPACE = ord(" ")


def none(features: Mapping[str, str]) -> Rows:
    return pl.Series("line", dtype=pl.UInt32), pl.DataFrame(schema=_types(features))


def predictions(texts: pl.DataFrame) -> pl.DataFrame:
    """The `line` and `prediction` of each answer of `texts`, in their order."""
    first = pl.col("text").str.split_exact(",", 1).struct[0].str.strip_chars()
    return _pieces(texts).select("line", prediction=first).filter(pl.col("prediction") != "")


def read(texts: pl.DataFrame, features: Mapping[str, str], missing: Collection[str]) -> list[Rows]:
    """The rows of the requests of `texts` (`line` and `text`), of those whose rows are all plain."""
    head, order, usual = _usual(texts, features)
    found = _at_once(texts.filter(usual), head, order, features, missing)
    rest = texts if found is None else texts.filter(~usual)
    parts = [found] if found else []
    if rest.height:
        pieces = _pieces(rest)
        parts += [_rows(part, order, features, missing) for order, part in _parts(pieces, features)]
    return parts


def _usual(texts: pl.DataFrame, features: Mapping[str, str]) -> tuple[str, list[str], pl.Series]:
    """The header of the first request, its columns, and which requests have the same, or none as well."""
    expected, text = payload.Expected([*features], ""), pl.col("text")
    first = str(texts["text"].first()).partition("\n")[0]
    if heads := _heads(pl.Series("text", [first]), expected):
        same = texts.select(text.str.starts_with(f"{first}\n")).to_series()
        return first, heads[first], same.fill_null(False)
    firsts = texts.select(text.str.splitn("\n", 2).struct[0]).to_series().alias("text")
    return "", expected.features, (~_likely(firsts, expected.features)).fill_null(False)


def _at_once(
    texts: pl.DataFrame,
    head: str,
    order: Sequence[str],
    features: Mapping[str, str],
    missing: Collection[str],
) -> Rows | None:
    """The rows where each has all cells, and a plain number in each that wants one; else None."""
    text = pl.col("text")
    if not texts["text"].str.ends_with("\n").all():
        texts = texts.with_columns(pl.when(text.str.ends_with("\n")).then(text).otherwise(text + "\n"))
    ends = texts["text"].str.count_matches("\n", literal=True).to_numpy()
    data: bytes = texts["text"].str.join("").cast(pl.Binary).item()
    if (
        not order
        or not data
        or _odd(data, int(ends.sum()))
        or texts.select(text.str.len_bytes() > _LONGEST).to_series().any()
    ):
        return None
    types = _types(features)
    try:
        found = pl.read_csv(
            data,
            has_header=False,
            quote_char=None,
            schema={name: types[name] for name in order},
            null_values=list(missing),
            comment_prefix=head or None,
        ).rechunk()
    except pl.exceptions.PolarsError:
        return None
    lines = texts["line"].to_numpy().repeat(ends - 1 if head else ends)
    finite = all(found.select(pl.col(pl.Float64).is_finite().all()).row(0))
    # A row that is too short ends with nulls, and so does an empty one, which is none.
    short = found[order[-1]].null_count() and _short(data, len(order))
    if found.height != len(lines) or not finite or short:
        return None
    made = found.select(list(features)).with_columns(
        texts_of(found[name], missing) for name, kind in features.items() if kind != "number"
    )
    return pl.Series("line", lines), made


def _odd(data: bytes, ends: int) -> bool:
    controls = np.count_nonzero(np.frombuffer(data, np.uint8) < _SPACE)
    return bool(controls > ends) or b'"' in data or (not data.isascii() and "\ufeff".encode() in data)


def _short(data: bytes, width: int) -> bool:
    """Whether a row has too few cells, where none has too many."""
    empty = data.startswith(b"\n") or b"\n\n" in data
    return empty or data.count(b",") < (width - 1) * data.count(b"\n")


def _pieces(texts: pl.DataFrame) -> pl.DataFrame:
    """The lines of each text that are not empty, with the `line` of its text; none of what is odd or long."""
    plain = texts.filter(~pl.col("text").str.contains(_ODD))
    pieces = plain.with_columns(pl.col("text").str.split("\n")).explode("text", empty_as_null=False)
    long = pieces.filter(pl.col("text").str.len_bytes() > _LONGEST)["line"]
    return pieces.filter(pl.col("text") != "", ~pl.col("line").is_in(long.implode()))


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
) -> Rows:
    """The rows of those lines of which each row is one."""
    text, width = pl.col("text"), len(order)
    cells = pieces.select(text.str.split_exact(",", width)).to_series().struct.unnest()
    columns = dict(zip(order, cells.get_columns(), strict=False))
    whole = cells[:, width - 1].is_not_null() & cells[:, width].is_null()
    made = {}
    for name, kind in features.items():
        made[name] = texts_of(columns[name], missing)
        if kind == "number":
            made[name], sound = _numbers(columns[name], missing)
            whole &= sound
    kept = ~pieces["line"].is_in(pieces["line"].filter(~whole).implode())
    return pieces["line"].filter(kept), pl.DataFrame(made).filter(kept)


def _types(features: Mapping[str, str]) -> dict[str, pl.DataType]:
    return {name: pl.Float64() if kind == "number" else pl.String() for name, kind in features.items()}


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


def texts_of(cells: pl.Series, missing: Collection[str]) -> pl.Series:
    """Cells as texts or nulls, as `cells.texts` reads them."""
    trimmed = cells.str.strip_chars()
    absent = (trimmed == "") | trimmed.is_in(list(missing))
    return cells.set(absent.fill_null(False), None)
