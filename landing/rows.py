"""The rows of a file, one at a time and never all in memory: CSV or JSON lines in UTF-8, also gzipped.

Parquet is not read: no pure-Python reader is fit for files of strangers, and a compiled one needs a layer.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from typing import IO, Any

from landing.refused import Refused, shown
from landing.schema import Schema

LONGEST_LINE = 1_000_000
# What Python's CSV reader takes, with which training reads what is written here.
LONGEST_CELL = 131_072
# A carriage return ends a line where models are trained, and half of a surrogate pair is no UTF-8.
NO_TEXT = re.compile("[\0\r\ud800-\udfff]")
FORMATS = ("csv", "jsonl")

Row = dict[str, str]


def rows(body: IO[bytes], name: str, schema: Schema) -> Iterator[Row]:
    """Each row's cells by column, stripped; raises `Refused` where the file is not what it is called."""
    plain = name.removesuffix(".gz")
    kind = plain.rpartition(".")[2].lower()
    if kind not in FORMATS:
        raise Refused("it is neither CSV nor JSON lines: send .csv or .jsonl, also with .gz")
    stream: Any = gzip.GzipFile(fileobj=body) if name != plain else body
    try:
        found = (_csv if kind == "csv" else _jsonl)(_lines(stream, schema.largest), schema)
        for number, row in enumerate(found, 1):
            for name in schema.columns:
                _check_text(row.get(name, ""), name, number)
            yield row
    except UnicodeDecodeError:
        raise Refused("it is not UTF-8 text") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise Refused("it is called .gz and is not whole, or no gzip file") from None
    except csv.Error as error:
        raise Refused(f"not a CSV file: {error}") from None


def _lines(stream: IO[bytes], largest: int) -> Iterator[str]:
    """Lines of text, each and all together of bounded length; a NUL byte is in no text."""
    read = 0
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    while line := text.readline(LONGEST_LINE):
        read += len(line)
        if read > largest:
            raise Refused(f"unpacked it has more than {largest // 1_000_000} MB, the most that landing takes")
        if len(line) == LONGEST_LINE:
            raise Refused(f"a line has more than {LONGEST_LINE} letters")
        if "\0" in line:
            raise Refused("a NUL byte stands in it: it is no text file")
        yield line


def _csv(lines: Iterator[str], schema: Schema) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=schema.separator, skipinitialspace=True)
    header = [cell.strip() for cell in next(reader, [])] if schema.header else list(schema.columns)
    if len(set(header)) < len(header):
        raise Refused("two of its columns have one name")
    _require(header, schema)
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise Refused(f"line {reader.line_num} has {len(cells)} cells, and the columns are {len(header)}")
        yield dict(zip(header, map(str.strip, cells), strict=True))


def _jsonl(lines: Iterator[str], schema: Schema) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Refused(f"line {number} is no JSON object")
        _require(found, schema, f"line {number}: ")
        yield {name: _cell(found.get(name), name, number) for name in schema.columns}


def _cell(value: Any, name: str, number: int) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise Refused(f"line {number}, column {name}: neither a number nor a text")
    return str(value).strip()


def _check_text(cell: str, name: str, number: int) -> None:
    """Raise `Refused` for a cell that could be written, and not be read by a build."""
    if len(cell) > LONGEST_CELL:
        raise Refused(f"row {number}, column {name}: more than {LONGEST_CELL} letters")
    if NO_TEXT.search(cell):
        raise Refused(f"row {number}, column {name}: a NUL, a carriage return or half a letter stands in it")


def _require(found: Any, schema: Schema, where: str = "") -> None:
    absent = [name for name in schema.kinds if name not in found]
    if absent:
        there = ", ".join(shown(str(name)) for name in list(found)[:20])
        raise Refused(f"{where}there is no column {', '.join(absent)}; those there are {there or 'none'}")
