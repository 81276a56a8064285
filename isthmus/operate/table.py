"""Tables that fit the terminal: they wrap what does not fit, and leave out what they may."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

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
    if not rows:
        click.echo(none)
        return
    out.print(table(columns, rows, out.width))
    if left := _left_out(columns, rows, out.width):
        click.echo(f"(no room for: {', '.join(left)}; a wider terminal or --json shows them)", err=True)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, title: str = "") -> Table:
    """A table without lines, at most `width` wide; a column that is empty in every row is left out."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    shown.title, shown.title_justify, shown.title_style = title or None, "left", "bold"
    widths = _widths(columns, rows, width)
    for place, wide in widths.items():
        justify: Literal["left", "right"] = "right" if columns[place].right else "left"
        shown.add_column(columns[place].name, width=wide, justify=justify, overflow="fold")
    for row in rows:
        # As text: what people wrote, such as a comment, is not markup.
        shown.add_row(*(Text(row[place]) for place in widths))
    return shown


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """How wide each column is that has something to say; the widest give way first."""
    used = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    widest = {place: max(len(columns[place].name), *(len(row[place]) for row in rows)) for place in used}
    least = {place: min(columns[place].least or wide, wide) for place, wide in widest.items()}
    for spare in reversed([place for place in used if columns[place].spare]):
        if _total(least) > width:
            del widest[spare], least[spare]
    while _total(widest) > width:
        able = [place for place in widest if widest[place] > least[place]] or list(widest)
        widest[max(able, key=widest.__getitem__)] -= 1
    return widest


def _left_out(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    shown = _widths(columns, rows, width)
    said = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    return [columns[place].name for place in said if place not in shown]


def _total(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)
