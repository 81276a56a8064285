"""Rows in Parquet files, a batch at a time: what batch jobs leave, and data that were never captured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from isthmus.errors import BadInput

AT_ONCE = 1 << 18


def frames(file: Path, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The columns of a file's rows, a batch at a time, in any order.

    Raises `BadInput` for a file that is cut off or otherwise no Parquet, and where a column is missing.
    """
    try:
        rows = pl.scan_parquet(file, glob=False).select(columns)
        yield from rows.collect_batches(chunk_size=AT_ONCE, maintain_order=False)
    except pl.exceptions.ColumnNotFoundError as error:
        raise BadInput(f"a column is missing: {str(error).splitlines()[0]}", where=str(file)) from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"not a Parquet file: {str(error).splitlines()[0]}", where=str(file)) from None


def columns(file: Path) -> list[str]:
    """The names of a file's columns; raises `BadInput` as `frames` does."""
    try:
        return list(pl.read_parquet_schema(file))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"not a Parquet file: {str(error).splitlines()[0]}", where=str(file)) from None
