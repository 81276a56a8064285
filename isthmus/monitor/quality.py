"""Whether a deployed model is still as good as it was when it was registered, once labels arrive."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from isthmus.container.evaluation import Interval, encode, with_interval
from isthmus.monitor.capture import Captures

FEWEST_LABELS = 30


@dataclass(frozen=True)
class Quality:
    """The metric on labelled captures beside the registered one; `loss` over 1 is a loss beyond chance."""

    metric: str
    registered: Interval
    current: Interval
    n: int
    loss: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def assess(captures: Captures, labels: dict[str, str], evaluation: dict[str, Any]) -> Quality | None:
    """Join predictions with labels by inference id and compare with the registered evaluation.

    None with fewer than 30 labelled rows. `loss` is the worsening divided by the half width of the interval
    of the difference of the two estimates.
    """
    pairs = [
        (labels[identity], predicted)
        for identity, predicted in zip(captures.ids, captures.predictions, strict=True)
        if identity in labels
    ]
    if len(pairs) < FEWEST_LABELS:
        return None
    truth, predicted = _typed(pairs, evaluation["classes"])
    current = with_interval(evaluation["metric"], truth, predicted, evaluation["confidence"])
    registered = Interval(*(evaluation[key] for key in ("value", "ci_low", "ci_high")))
    loss = _loss(registered, current, evaluation["higher_is_better"])
    return Quality(evaluation["metric"], registered, current, len(pairs), loss)


def _loss(registered: Interval, current: Interval, higher_is_better: bool) -> float:
    if higher_is_better:
        worsening = registered.value - current.value
        halves = (registered.value - registered.ci_low, current.ci_high - current.value)
    else:
        worsening = current.value - registered.value
        halves = (registered.ci_high - registered.value, current.value - current.ci_low)
    width = math.hypot(*halves)
    return worsening / width if width else math.copysign(math.inf, worsening) if worsening else 0.0


def _typed(pairs: list[tuple[str, str]], classes: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions as `evaluation.measure` wants them."""
    labels, predicted = zip(*pairs, strict=True)
    if len(classes) == 2:
        names = [str(one) for one in classes]
        return encode(np.asarray([_same(label, names) for label in labels]), names), np.asarray(
            predicted, float
        )
    if classes:
        names = [str(one) for one in classes]
        return np.asarray([_same(one, names) for one in labels]), np.asarray(
            [_same(one, names) for one in predicted]
        )
    return np.asarray(labels, dtype=float), np.asarray(predicted, dtype=float)


def _same(label: str, names: list[str]) -> str:
    """A label as the class it names: `1.0` is the class 1."""
    if label in names:
        return label
    try:
        return next(name for name in names if float(name) == float(label))
    except (ValueError, StopIteration):
        return label
