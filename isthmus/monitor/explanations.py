"""How much each feature counts for what a model answers (Shapley values), and whether that is as in training.

Features are switched one after the other, in random order, from a row of training to the row explained, and
back in the opposite order; what each switch changes in the answer, on average, is its Shapley value. That
works for whatever the container serves, texts and missing values too, and is exact for what is additive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isthmus.monitor.findings import Explained

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]
Places = NDArray[np.int64]
Predict = Callable[["pd.DataFrame"], Any]
# Orders of the features that are tried for each row, each forth and back.
ORDERS = 3
AT_ONCE = 20_000


def explain(
    predict: Predict, before: pd.DataFrame, now: pd.DataFrame, threshold: float, seed: int = 0
) -> Explained:
    """Explain rows of training and rows of now, both against those of training."""
    was, is_ = (importance(predict, rows, before, seed) for rows in (before, now))
    return Explained(was, is_, ndcg(list(was.values()), list(is_.values())), threshold, len(now))


def importance(predict: Predict, rows: pd.DataFrame, background: pd.DataFrame, seed: int) -> dict[str, float]:
    """Each feature's mean absolute Shapley value over the rows."""
    found = np.abs(shapley(predict, rows, background, seed)).mean(axis=0)
    return dict(zip(rows.columns, found.tolist(), strict=True))


def shapley(predict: Predict, rows: pd.DataFrame, background: pd.DataFrame, seed: int) -> Values:
    """The Shapley value of each feature for each row; they sum to what the row differs from its origins."""
    random = np.random.default_rng(seed)
    number, width = rows.shape
    found = np.zeros((number, width))
    explained = np.arange(number)
    wanted = predict(rows)
    for _ in range(ORDERS):
        order = np.argsort(random.random((number, width)), axis=1).astype(np.int64)
        origin = random.integers(0, len(background), number)
        for turn in (order, order[:, ::-1]):
            answers = _along(predict, rows, background, origin, turn, wanted)
            found[explained[:, None], turn] += np.diff(answers, axis=1)
    return found / (2 * ORDERS)


def _along(
    predict: Predict, rows: pd.DataFrame, background: pd.DataFrame, origin: Places, turn: Places, wanted: Any
) -> Values:
    """What the model answers for each row while its features come in: none of them first, all at last."""
    number, width = rows.shape
    rank = np.argsort(turn, axis=1)
    answers = np.empty((number, width + 1))
    block = max(1, AT_ONCE // (width + 1))
    for start in range(0, number, block):
        part = np.arange(start, min(number, start + block))
        repeated = np.repeat(part, width + 1)
        step = np.tile(np.arange(width + 1), len(part))
        mixed = background.iloc[origin[repeated]].reset_index(drop=True)
        own = rows.iloc[repeated].reset_index(drop=True)
        for place, name in enumerate(rows.columns):
            mixed[name] = own[name].where(rank[repeated, place] < step, mixed[name])
        told = _numbers(predict(mixed), np.asarray(wanted)[repeated])
        answers[part] = told.reshape(len(part), width + 1)
    return answers


def _numbers(answers: Any, wanted: NDArray[Any]) -> Values:
    """Answers as numbers; of classes, whether it is the one that the row itself is given."""
    told = np.asarray(answers)
    return told.astype(float) if told.dtype.kind in "fiub" else (told == wanted).astype(float)


def ndcg(before: list[float], now: list[float]) -> float:
    """How alike two orders of importance are, as Clarify compares them: weighted by that in training."""
    weight = 1 / np.log2(np.arange(2, len(before) + 2))
    was = np.asarray(before)
    best = float((np.sort(was)[::-1] * weight).sum())
    return float((was[np.argsort(-np.asarray(now), kind="stable")] * weight).sum()) / best if best else 1.0
