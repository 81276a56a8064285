"""A data file as a table: its columns' names and its rows' cells, written as model.yaml says.

Whether they fit the model is left to `data`.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
from dataclasses import dataclass, field

from isthmus.config import ModelConfig
from isthmus.errors import BadInput

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Table:
    """`lines` says of each row in which line of the file it begins, where it was read from one."""

    names: list[str]
    rows: list[list[str]]
    lines: list[int] = field(default_factory=list)

    def by_time(self, config: ModelConfig) -> list[list[str]]:
        """The rows in the order of the time column; as they are where model.yaml names none."""
        if not config.data.time:
            return self.rows
        import pandas as pd

        from isthmus.container import moments

        place = self.names.index(config.data.time)
        time = moments.read(pd.Series([row[place].strip() for row in self.rows], dtype=object))
        # A row without a target may have no time either; then it is none of the latest.
        order = time.reset_index(drop=True).sort_values(kind="stable", na_position="first").index
        return [self.rows[at] for at in order]

    def text(self, config: ModelConfig) -> bytes:
        """The file that holds it."""
        text = io.StringIO()
        lines = self.rows if config.data.columns else [self.names, *self.rows]
        csv.writer(text, delimiter=config.data.separator, lineterminator="\n").writerows(lines)
        return text.getvalue().encode()


def read(content: bytes, where: str, config: ModelConfig) -> Table:
    """What the file says; raises `BadInput` with the line where it is no CSV file in UTF-8."""
    text = _text(content, where)
    # Any of the three ways to end a line ends one here, as it does where models are trained.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=config.data.separator, skipinitialspace=True)
    try:
        ends = [(row, reader.line_num) for row in reader]
    except csv.Error as error:
        raise BadInput(
            f"not a CSV file: {error}",
            where=f"{where}:{reader.line_num}",
            todo="look for a quote that opens there and never closes",
        ) from None
    begins = [1, *(end + 1 for _, end in ends)]
    found = [(row, begin) for (row, _), begin in zip(ends, begins, strict=False) if row]
    rows, lines = [row for row, _ in found], [begin for _, begin in found]
    if config.data.columns:
        return Table(config.data.columns, rows, lines)
    return Table([cell.strip() for cell in rows[0]] if rows else [], rows[1:], lines[1:])


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _text(content: bytes, where: str) -> str:
    if content.startswith(UTF16):
        raise BadInput("the data are UTF-16 text", where=where, todo="save them as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"the data are not UTF-8 text: byte {error.object[error.start]:#04x}",
            where=f"{where}:{_line(content, error.start)}",
            todo="save them as UTF-8",
        ) from None
    if "\0" in text:
        at = f"{where}:{_line(content, content.index(0))}"
        raise BadInput("a NUL byte stands there: this is no text file", where=at)
    return text


def _line(content: bytes, position: int) -> int:
    return len(content[: position + 1].splitlines())
