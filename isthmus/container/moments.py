"""A time column as something that sorts by time: all of its cells are numbers, or all of them are dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


def read(time: pd.Series) -> pd.Series:
    """Each cell's moment, and none (NaN, NaT) where a cell cannot be read as most of the others are."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(time):
        return time
    numbers = pd.to_numeric(time, errors="coerce")
    dates = pd.to_datetime(time, format="ISO8601", utc=True, errors="coerce")
    return numbers if numbers.isna().sum() <= dates.isna().sum() else dates


def require(time: pd.Series, where: Callable[[int], str]) -> pd.Series:
    """The moments of a time column of which every cell can be read.

    Raises `BadInput` for the first that cannot; `where` says of the place of a row in the column where it is.
    """
    from pandas.api.types import is_numeric_dtype

    found = read(time)
    bad = found.isna().to_numpy()
    if not bad.any():
        return found
    first = int(bad.argmax())
    cell = time.iloc[first]
    empty = cell is None or cell != cell or not str(cell).strip()
    said = "an empty cell" if empty else repr(cell)
    wanted = "neither a number nor a date like 2012-07-31"
    if not bad.all():
        wanted = f"no {'number' if is_numeric_dtype(found) else 'date like 2012-07-31'}, as other cells are"
    others = int(bad.sum()) - 1
    raise BadInput(
        f"{said} is {wanted}{f'; {others} more are none' if others else ''}",
        where=f"{where(first)}, column {time.name}",
        todo="write all times as numbers, or all as dates, or leave the target of such a row empty",
    )
