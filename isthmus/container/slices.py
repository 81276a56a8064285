"""How a model does on groups of the rows that it is judged on, each with its interval.

What a group is, `groups` says; what to make of it, a person and the gate of slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.container.groups import groups
from isthmus.container.metrics import with_interval

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS, MOST_COLUMNS = 30, 30


def slices(
    rows: pd.DataFrame,
    columns: Sequence[str],
    metric: str,
    truth: np.ndarray,
    predicted: np.ndarray,
    confidence: float,
) -> tuple[list[dict[str, Any]], int]:
    """The metric on each group of `groups` that has 30 rows and is not the whole; and how many have fewer."""
    found, small = [], 0
    for part in groups(rows, list(columns)[:MOST_COLUMNS]):
        small += part.size < FEWEST_ROWS
        if FEWEST_ROWS <= part.size < len(rows):
            figure = with_interval(metric, truth[part.rows], predicted[part.rows], confidence)
            if np.isfinite(figure.value):
                found.append({"slice": part.name, "n": part.size, **asdict(figure)})
    return found, small
