"""Held-out rows as judges want them: what was true, and what the endpoint predicts for them, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.config.model import LOWER_IS_BETTER
from isthmus.container.metrics import gain, with_interval
from isthmus.container.slices import is_told, of_group
from isthmus.interval import Interval
from isthmus.monitor.quality import typed


@dataclass(frozen=True)
class Judged:
    """Truth and predictions of the same rows; of a binary problem the truth is 0 or 1."""

    truth: np.ndarray
    predicted: np.ndarray
    evaluation: dict[str, Any]

    @property
    def metric(self) -> str:
        return str(self.evaluation["metric"])

    @property
    def higher_is_better(self) -> bool:
        return self.metric not in LOWER_IS_BETTER

    @property
    def problem(self) -> str:
        classes = len(self.evaluation["classes"])
        return "regression" if not classes else "binary" if classes == 2 else "multiclass"

    def interval(self) -> Interval:
        """The metric on all rows, at the evaluation's confidence."""
        return with_interval(self.metric, self.truth, self.predicted, self.evaluation["confidence"])

    def is_told(self, rows: np.ndarray) -> bool:
        """Whether a group has enough rows of its classes to tell the metric."""
        return is_told(self.metric, self.truth[rows], self.predicted[rows])

    def of_group(self, rows: np.ndarray, confidence: float) -> Interval:
        """The metric on a group's rows, as an approver is told it."""
        return of_group(self.metric, self.truth[rows], self.predicted[rows], confidence)

    def gain_over(self, before: np.ndarray) -> Interval:
        """How much better these predictions are than others of the same rows: paired, positive is better."""
        return gain(self.metric, self.truth, before, self.predicted, self.evaluation["confidence"])

    def right(self, predicted: np.ndarray | None = None) -> np.ndarray:
        """For each row whether its class is predicted."""
        given = self.predicted if predicted is None else predicted
        return np.asarray(self.truth == ((given >= 0.5).astype(int) if self.problem == "binary" else given))

    def reaches(self, interval: Interval, bar: float) -> bool:
        """Whether the interval leaves room for the bar: chance alone is held against nobody."""
        return interval.ci_high >= bar if self.higher_is_better else interval.ci_low <= bar


def judged(labels: Sequence[str], predicted: Sequence[str], evaluation: dict[str, Any]) -> Judged:
    """Labels and predictions as they are written, typed by the evaluation's classes."""
    truth, given = typed(list(zip(labels, predicted, strict=True)), evaluation["classes"])
    return Judged(truth, given, evaluation)
