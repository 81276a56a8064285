"""Rows of a tabular problem: read from CSV files, checked against model.yaml, and put in order."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.config import ModelConfig
from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

SHUFFLE_SEED = 0


def read_rows(folder: Path, config: ModelConfig) -> pd.DataFrame:
    """All rows of the CSV files in `folder`, oldest first; columns: time (if any), features, target.

    Files count in the order of their names, which `isthmus build run` numbers by arrival. With a time column
    the rows are sorted by it; without one each file's rows are shuffled in a fixed way, so that a file sorted
    by class cannot put one class alone into the hold-out. Rows without a target are left out.
    Raises `BadInput` for a missing column, an unreadable file or no rows.
    """
    import pandas as pd

    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise BadInput("there is no data: no CSV file", where=str(folder))
    frames = [read_file(file, config) for file in files]
    if config.data.time is None:
        frames = [frame.sample(frac=1, random_state=SHUFFLE_SEED) for frame in frames]
    rows = pd.concat(frames, ignore_index=True)
    if config.data.time is not None:
        rows = rows.sort_values(config.data.time, kind="stable", ignore_index=True)
    return rows


def read_file(file: Path, config: ModelConfig) -> pd.DataFrame:
    """One CSV file's rows with a target; raises `BadInput` naming the missing column and the nearest one."""
    import pandas as pd

    try:
        frame = pd.read_csv(file)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput(f"not a CSV file with a header: {error}", where=str(file)) from None
    time = [config.data.time] if config.data.time else []
    wanted = [*time, *config.features, config.target]
    for column in wanted:
        if column not in frame.columns:
            near = difflib.get_close_matches(column, list(frame.columns), 1)
            raise BadInput(
                f"no column {column!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                where=str(file),
                todo=f"columns there: {', '.join(frame.columns)}",
            )
    rows = frame[wanted].dropna(subset=[config.target])
    if rows.empty:
        raise BadInput("no row has a target", where=str(file))
    return rows
