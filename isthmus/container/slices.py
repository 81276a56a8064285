"""How a model does on groups of the rows that it is judged on, each with its interval.

What a group is, `groups` says; what to make of it, a person and the gate of slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.container.groups import groups
from isthmus.container.metrics import f1_macro, interval_of, with_interval
from isthmus.interval import FEWEST_OF_CLASS, Interval

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
    """The metric on each group of `groups` that has rows enough and is not the whole; and how many have not.

    Enough are 30, and what `of_group` asks for.
    """
    found, small = [], 0
    for part in groups(rows, list(columns)[:MOST_COLUMNS]):
        if part.size == len(rows):
            continue
        enough = part.size >= FEWEST_ROWS
        figure = of_group(metric, truth[part.rows], predicted[part.rows], confidence) if enough else None
        if figure:
            found.append({"slice": part.name, "n": part.size, **asdict(figure)})
        else:
            small += 1
    return found, small


def of_group(metric: str, truth: np.ndarray, predicted: np.ndarray, confidence: float) -> Interval | None:
    """The metric on a group's rows; None where these are too few of a class to tell it.

    Macro F1 is of the classes that the group has ten rows of: a class that is only predicted there, or that
    one row is of, would weigh as much as that of all others. AUC takes ten rows of both.
    """
    classes, rows = np.unique(truth, return_counts=True)
    common = classes[rows >= FEWEST_OF_CLASS]
    if metric == "f1_macro":
        if not len(common):
            return None
        return interval_of(lambda counts: f1_macro(common, truth, predicted, counts), len(truth), confidence)
    if metric == "auc" and len(common) < 2:
        return None
    figure = with_interval(metric, truth, predicted, confidence)
    return figure if np.isfinite(figure.value) else None
