"""Metrics of predictions, and how sure they are: bootstrap intervals, paired where two models are compared.

A resample of the rows is how often each row was drawn. Every metric is worked out for all resamples at once
from those counts, so a thousand resamples cost milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.config.model import LOWER_IS_BETTER
from isthmus.interval import Interval

Counts = NDArray[np.float64]  # resamples × rows
RESAMPLES, FEWEST_RESAMPLES = 1000, 200
MOST_DRAWS, DRAWS_AT_ONCE = 100_000_000, 4_000_000


def encode(target: np.ndarray, classes: list[Any]) -> np.ndarray:
    """The target as the metrics want it: 1 for the positive (second) class of a binary problem."""
    return (target == classes[1]).astype(int) if len(classes) == 2 else target


def measure(metric: str, truth: np.ndarray, predicted: np.ndarray) -> float:
    """The metric's value; `truth` is 0/1 for a binary problem. Not a number where it has no meaning."""
    return float(METRICS[metric](truth, predicted, np.ones((1, len(truth))))[0])


def with_interval(
    metric: str, truth: np.ndarray, predicted: np.ndarray, confidence: float, seed: int = 0
) -> Interval:
    """The metric on these rows with its bootstrap percentile interval at `confidence` (0.95)."""
    score = METRICS[metric]
    return interval_of(lambda counts: score(truth, predicted, counts), len(truth), confidence, seed)


def gain(
    metric: str,
    truth: np.ndarray,
    champion: np.ndarray,
    challenger: np.ndarray,
    confidence: float,
    seed: int = 0,
) -> Interval:
    """How much better the challenger is on the same rows (positive is better), by a paired bootstrap."""
    sign, score = -1 if metric in LOWER_IS_BETTER else 1, METRICS[metric]

    def better(counts: Counts) -> np.ndarray:
        apart: np.ndarray = score(truth, challenger, counts) - score(truth, champion, counts)
        return sign * apart + 0.0  # no minus zero

    return interval_of(better, len(truth), confidence, seed)


def interval_of(
    statistic: Callable[[Counts], np.ndarray], rows: int, confidence: float, seed: int = 0
) -> Interval:
    """A statistic of the rows as they are, with its bootstrap interval at `confidence`."""
    value = float(statistic(np.ones((1, rows)))[0])
    return _interval(value, bootstrap(rows, statistic, seed), confidence)


def bootstrap(rows: int, statistic: Callable[[Counts], np.ndarray], seed: int = 0) -> np.ndarray:
    """`statistic` of each of a thousand resamples; of fewer (never under 200) where rows are many."""
    random = np.random.default_rng(seed)
    left = max(FEWEST_RESAMPLES, min(RESAMPLES, MOST_DRAWS // rows))
    found = []
    while left:
        size = min(left, max(1, DRAWS_AT_ONCE // rows))
        drawn = random.integers(0, rows, (size, rows)) + np.arange(size)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)
        found.append(statistic(counts.astype(float)))
        left -= size
    return np.concatenate(found)


def _interval(value: float, drawn: np.ndarray, confidence: float) -> Interval:
    # A resample of one class alone has no AUC; where none has one there is nothing to be sure of.
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Interval(value, value, value)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


# ---------------------------------------------------------------- each metric, for every row of counts


def _mean(values: np.ndarray, counts: Counts) -> np.ndarray:
    found: np.ndarray = counts @ values / counts.sum(axis=1)
    return found


def log_losses(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Each row's log loss; what is neither 0 nor 1 was given no probability at all."""
    said = np.select([truth == 1, truth == 0], [predicted, 1 - predicted], 0.0)
    found: np.ndarray = -np.log(np.clip(said, 1e-6, 1.0))
    return found


def _log_loss(truth: np.ndarray, predicted: np.ndarray, counts: Counts) -> np.ndarray:
    return _mean(log_losses(truth, predicted), counts)


def _auc(truth: np.ndarray, predicted: np.ndarray, counts: Counts) -> np.ndarray:
    """The share of (positive, negative) pairs in the right order; a tie counts half."""
    order = np.argsort(predicted, kind="stable")
    ordered, counts = predicted[order], counts[:, order]
    ties = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    positive = np.add.reduceat(counts * (truth[order] == 1), ties, axis=1)
    negative = np.add.reduceat(counts * (truth[order] != 1), ties, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = (positive * below).sum(axis=1) / pairs
    return found


def _accuracy(truth: np.ndarray, predicted: np.ndarray, counts: Counts) -> np.ndarray:
    return _mean((truth == _labels(truth, predicted)).astype(float), counts)


def _f1_macro(truth: np.ndarray, predicted: np.ndarray, counts: Counts) -> np.ndarray:
    return f1_macro(np.unique(np.concatenate([truth, _labels(truth, predicted)])), truth, predicted, counts)


def f1_macro(among: Iterable[Any], truth: np.ndarray, predicted: np.ndarray, counts: Counts) -> np.ndarray:
    """The mean F1 of the classes `among` which it is taken, for every row of counts."""
    labels = _labels(truth, predicted)
    scores, classes = np.zeros(len(counts)), np.zeros(len(counts))
    for one in among:
        is_one, said_one = truth == one, labels == one
        seen = counts @ is_one.astype(float) + counts @ said_one.astype(float)
        scores += np.divide(
            2 * (counts @ (is_one & said_one).astype(float)), seen, out=np.zeros(len(seen)), where=seen > 0
        )
        classes += seen > 0
    return scores / classes


def _labels(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """A binary problem's probabilities as 0/1; other predictions are labels already."""
    probable = predicted.dtype.kind == "f" and truth.dtype.kind not in "OUSf"
    return (predicted >= 0.5).astype(int) if probable else predicted


def _rmse(truth: np.ndarray, predicted: np.ndarray, counts: Counts) -> np.ndarray:
    found: np.ndarray = np.sqrt(_mean((truth - predicted) ** 2, counts))
    return found


def _mae(truth: np.ndarray, predicted: np.ndarray, counts: Counts) -> np.ndarray:
    return _mean(np.abs(truth - predicted), counts)


def _r2(truth: np.ndarray, predicted: np.ndarray, counts: Counts) -> np.ndarray:
    # Around the mean of these rows, so that large targets do not lose their digits.
    centred = truth - truth.mean()
    spread = _mean(centred**2, counts) - _mean(centred, counts) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = 1 - _mean((truth - predicted) ** 2, counts) / spread
    return found


METRICS: dict[str, Callable[[np.ndarray, np.ndarray, Counts], np.ndarray]] = {
    "auc": _auc,
    "log_loss": _log_loss,
    "accuracy": _accuracy,
    "f1_macro": _f1_macro,
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
}
