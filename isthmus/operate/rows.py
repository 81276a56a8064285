"""Rows to predict, as a person gives them: one, a file, or standard input; CSV or JSON."""

from __future__ import annotations

import sys
from pathlib import Path

from isthmus.errors import BadInput


def read_rows(data: Path | None, row: str | None) -> bytes:
    """That one row, or those of a file, or else standard input's; raises `BadInput` where there are none."""
    if data is not None and row is not None:
        raise BadInput("--data and --row are both given", todo="give one of them")
    rows = _read(data) if row is None else row.encode()
    if not rows.strip():
        raise BadInput(
            "there are no rows to predict", todo="give --row, --data FILE, or rows on standard input"
        )
    return rows


def _read(data: Path | None) -> bytes:
    if data is not None:
        return data.read_bytes()
    return b"" if sys.stdin.isatty() else sys.stdin.buffer.read()


def media_type(rows: bytes) -> str:
    """What they are, by their first letter."""
    return "application/json" if rows.lstrip()[:1] in (b"[", b"{") else "text/csv"
