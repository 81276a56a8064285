"""Tables that fit the terminal: they wrap what does not fit, and leave out what they may."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Where a program reads the output and no width is asked for (COLUMNS), no line is broken.
PIPED = 240
GAP = 2


@dataclass(frozen=True)
class Column:
    """A column. `least` is how narrow it may become, by wrapping; without one its cells are never broken.

    A `spare` one is left out where there is no room for all.
    """

    name: str
    least: int = 0
    spare: bool = False
    right: bool = False


def console() -> Console:
    """Standard output, at its own width."""
    from rich.console import Console

    unknown = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
    return Console(width=PIPED if unknown else None, highlight=False)


def show(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, none: str) -> None:
    """Print a table; `none` is said in place of one without rows."""
    out = console()
    if rows:
        out.print(table(columns, rows, out.width))
    else:
        click.echo(none)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, title: str = "") -> Table:
    """A table without lines, at most `width` wide; a column that is empty in every row is left out."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    shown.title, shown.title_justify = title or None, "left"
    places = _fitting(columns, rows, width)
    for place in places:
        one = columns[place]
        least = one.least or _longest(one, rows, place)
        shown.add_column(
            one.name,
            justify="right" if one.right else "left",
            min_width=least,
            no_wrap=not one.least,
            overflow="fold",
        )
    for row in rows:
        # As text: what people wrote, such as a comment, is not markup.
        shown.add_row(*(Text(row[place]) for place in places))
    return shown


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns that have something to say, without as many spare ones as it takes to fit."""
    places = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    least = {place: columns[place].least or _longest(columns[place], rows, place) for place in places}
    for spare in reversed([place for place in places if columns[place].spare]):
        if sum(least[place] + GAP for place in places) - GAP > width:
            places.remove(spare)
    return places


def _longest(column: Column, rows: Sequence[Sequence[str]], place: int) -> int:
    return max(len(column.name), *(len(row[place]) for row in rows))
