"""How good each prediction was whose label has come, in numbers whose mean is the model's own metric.

A mean of rows can be watched request by request. AUC is one of pairs: each positive row is held against a
negative one, in the order in which they came. RMSE and R² are watched as the squared error, and macro F1,
which is no mean of rows, as the share of rows that are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from isthmus.classes import no_label
from isthmus.compare.answers import Pair, rows
from isthmus.compare.sequence import Floats
from isthmus.config.model import LOWER_IS_BETTER
from isthmus.container.metrics import log_losses
from isthmus.monitor.capture import Answer
from isthmus.monitor.labels import Labels
from isthmus.monitor.quality import no_answer, typed

# R² is watched as an error.
ERRORS = (*LOWER_IS_BETTER, "r2")
NAMES = {"rmse": "squared error", "r2": "squared error", "f1_macro": "accuracy"}
PAIRS = "auc"
Labelled = list[tuple[str, list[str]]]


def name(metric: str) -> str:
    """What is watched of the metric."""
    return NAMES.get(metric, metric)


def lower_is_better(metric: str) -> bool:
    return metric in ERRORS


def alone(found: Iterable[Answer], labels: Labels, metric: str, classes: Sequence[Any]) -> Floats:
    """The scores of one variant's predictions."""
    labelled = ((labels.by_id.get(key), [told]) for one in found for key, told in rows(one))
    (scores,) = _scores([(label, told) for label, told in labelled if label is not None], 1, metric, classes)
    return scores


def both(found: Iterable[Pair], labels: Labels, metric: str, classes: Sequence[Any]) -> tuple[Floats, Floats]:
    """The scores of both variants' predictions for the same rows."""
    labelled: Labelled = []
    for original, copy in found:
        for (key, told), again in zip(rows(original), copy.predictions, strict=False):
            if (label := labels.by_id.get(key)) is not None:
                labelled.append((label, [told, again]))
    champion, challenger = _scores(labelled, 2, metric, classes)
    return champion, challenger


def _scores(labelled: Labelled, sides: int, metric: str, classes: Sequence[Any]) -> list[Floats]:
    """One array a side, over the same rows: those with a label, and an answer of each that can be judged."""
    names = [str(one) for one in classes]
    labelled = [
        (label, told)
        for label, told in labelled
        if not no_label(label, names) and not any(no_answer(one, names) for one in told)
    ]
    found = []
    for side in range(sides):
        truth, predicted = typed([(label, told[side]) for label, told in labelled], names)
        found.append(_concordance(truth, predicted) if metric == PAIRS else _rows(metric, truth, predicted))
    return found


def _rows(metric: str, truth: np.ndarray, predicted: np.ndarray) -> Floats:
    if metric == "log_loss":
        return log_losses(truth, predicted)
    if metric == "mae":
        return np.asarray(np.abs(truth - predicted), dtype=float)
    if metric in ERRORS:
        return np.asarray((truth - predicted) ** 2, dtype=float)
    probable = predicted.dtype.kind == "f" and truth.dtype.kind not in "OUSf"
    return np.asarray(truth == ((predicted >= 0.5) if probable else predicted), dtype=float)


def _concordance(truth: np.ndarray, predicted: np.ndarray) -> Floats:
    """1 for each positive row that is above its negative one, 0 below, and half for a tie."""
    positive, negative = predicted[truth == 1], predicted[truth == 0]
    count = min(len(positive), len(negative))
    above = positive[:count] - negative[:count]
    return np.asarray((np.sign(above) + 1) / 2, dtype=float)
