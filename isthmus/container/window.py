"""Which of the rows a model learns from: all that there were, or the latest, as `data.window` says.

The rows themselves stay all there: only so can the version in prod be judged on none that it knew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.config import ModelConfig
from isthmus.container import moments
from isthmus.container.tabular import FEWEST_ROWS
from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


def window(frame: pd.DataFrame, config: ModelConfig, end: int) -> slice:
    """The rows before `end` that a model is fitted on; `frame` is all rows, oldest first.

    Raises `BadInput` where the window holds too few, or days are asked for and the time is no date.
    """
    asked = config.data.window
    if asked is None:
        return slice(0, end)
    start = max(0, end - asked.rows) if asked.rows else _days_before(frame, config, end, asked.days or 0)
    if start and end - start < FEWEST_ROWS:
        raise BadInput(
            f"the window of {asked} before row {end + 1} holds {end - start}; {FEWEST_ROWS} are the fewest",
            where="model.yaml, data.window",
            todo="make it longer",
        )
    return slice(start, end)


def _days_before(frame: pd.DataFrame, config: ModelConfig, end: int, days: int) -> int:
    import pandas as pd
    from pandas.api.types import is_datetime64_any_dtype

    time = moments.read(frame[config.data.time][:end])
    if not is_datetime64_any_dtype(time):
        raise BadInput(
            "a window of days needs dates like 2012-07-31",
            where=f"column {config.data.time}, the time of model.yaml",
            todo="give data.window in rows",
        )
    return int(time.searchsorted(time.iloc[-1] - pd.Timedelta(days=days), side="right"))
