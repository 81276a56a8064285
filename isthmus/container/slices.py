"""How a model does on parts of the rows that it is judged on, each with its interval; what to make of it is a
person's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.container.metrics import with_interval

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS, MOST_VALUES, MOST_COLUMNS = 30, 10, 30


def slices(
    rows: pd.DataFrame,
    columns: Sequence[str],
    metric: str,
    truth: np.ndarray,
    predicted: np.ndarray,
    confidence: float,
) -> list[dict[str, Any]]:
    """The metric on each part that has 30 rows: of a text or of few values each value, else both halves."""
    found = []
    for column in list(columns)[:MOST_COLUMNS]:
        for name, mask in _parts(rows[column]):
            if mask.sum() < FEWEST_ROWS or mask.all():
                continue
            figure = with_interval(metric, truth[mask], predicted[mask], confidence)
            if np.isfinite(figure.value):
                found.append({"slice": name, "n": int(mask.sum()), **asdict(figure)})
    return found


def _parts(values: pd.Series) -> Iterator[tuple[str, np.ndarray]]:
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(values) and values.nunique() > MOST_VALUES:
        middle = values.median()
        yield f"{values.name} up to {middle:g}", (values <= middle).to_numpy()
        yield f"{values.name} over {middle:g}", (values > middle).to_numpy()
        return
    for value in values.value_counts().index[:MOST_VALUES]:
        yield f"{values.name} = {value}", (values == value).to_numpy()
