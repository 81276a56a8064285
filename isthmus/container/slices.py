"""How a model does on groups of the rows that it is judged on, each with its interval.

What a group is, `groups` says; what to make of it, a person and the gate of slices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.container.groups import groups
from isthmus.container.metrics import f1_macro, interval_of, measure, with_interval
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

    Enough are 30, and what `is_told` asks for.
    """
    found, small = [], 0
    for part in groups(rows, list(columns)[:MOST_COLUMNS]):
        if part.size == len(rows):
            continue
        of_it = truth[part.rows], predicted[part.rows]
        if part.size >= FEWEST_ROWS and is_told(metric, *of_it):
            found.append({"slice": part.name, "n": part.size, **asdict(of_group(metric, *of_it, confidence))})
        else:
            small += 1
    return found, small


def is_told(metric: str, truth: np.ndarray, predicted: np.ndarray) -> bool:
    """Whether a group has rows enough of its classes to tell the metric: macro F1 of one, AUC of both."""
    common = _common(truth)
    if metric == "f1_macro":
        return len(common) > 0
    return (metric != "auc" or len(common) > 1) and math.isfinite(measure(metric, truth, predicted))


def of_group(metric: str, truth: np.ndarray, predicted: np.ndarray, confidence: float) -> Interval:
    """The metric on a group's rows, of which it is told.

    Macro F1 is of the classes that the group has ten rows of: a class that is only predicted there, or that
    one row is of, would weigh as much as that of all others.
    """
    if metric == "f1_macro":
        common = _common(truth)
        return interval_of(lambda counts: f1_macro(common, truth, predicted, counts), len(truth), confidence)
    return with_interval(metric, truth, predicted, confidence)


def _common(truth: np.ndarray) -> np.ndarray:
    classes, rows = np.unique(truth, return_counts=True)
    found: np.ndarray = classes[rows >= FEWEST_OF_CLASS]
    return found
