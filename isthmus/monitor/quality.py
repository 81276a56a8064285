"""Whether a deployed model is still as good as it was when it was registered, once labels arrive."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import astuple
from typing import Any

import numpy as np
from scipy.special import ndtri

from isthmus import interval
from isthmus.container.metrics import encode, with_interval
from isthmus.interval import Interval
from isthmus.monitor.findings import CERTAIN, FEWEST_LABELS, FEWEST_OF_CLASS, Quality


def assess(pairs: Iterable[tuple[str, str]], evaluation: dict[str, Any], confidence: float) -> Quality | None:
    """Compare pairs of label and prediction with the registered evaluation.

    None with fewer than 30 labelled rows, of `f1_macro` also with fewer than 10 of a class, and where the
    metric has no meaning on them (AUC on rows of one class). `loss` is the worsening divided by the half
    width of the interval of the difference of the two estimates, at `confidence`.
    """
    truth, predicted = typed(list(pairs), evaluation["classes"])
    if len(truth) < FEWEST_LABELS:
        return None
    if evaluation["metric"] == "f1_macro":
        of_each = np.unique(truth, return_counts=True)[1]
        if len(of_each) < len(evaluation["classes"]) or of_each.min() < FEWEST_OF_CLASS:
            return None
    current = with_interval(evaluation["metric"], truth, predicted, confidence)
    if not all(map(math.isfinite, astuple(current))):
        return None
    registered = interval.read(evaluation)
    # As wide as it were at this confidence, of an estimate that is normal.
    wider = float(ndtri((1 + confidence) / 2) / ndtri((1 + evaluation["confidence"]) / 2))
    loss = _loss(registered, current, evaluation["higher_is_better"], wider)
    return Quality(evaluation["metric"], registered, current, len(truth), loss)


def _loss(registered: Interval, current: Interval, higher_is_better: bool, wider: float) -> float:
    if higher_is_better:
        worsening = registered.value - current.value
        halves = (registered.value - registered.ci_low, current.ci_high - current.value)
    else:
        worsening = current.value - registered.value
        halves = (registered.ci_high - registered.value, current.value - current.ci_low)
    width = math.hypot(halves[0] * wider, halves[1])
    if not worsening:
        return 0.0
    return max(-CERTAIN, min(worsening / width, CERTAIN)) if width else math.copysign(CERTAIN, worsening)


def typed(pairs: list[tuple[str, str]], classes: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions as `evaluation.measure` wants them; labels that are none are left out."""
    names = [str(one) for one in classes]
    known = [(_label(label, names), told) for label, told in pairs]
    kept = [(label, told) for label, told in known if label is not None]
    labels, predicted = [label for label, _ in kept], [told for _, told in kept]
    if len(names) == 2:
        return encode(np.asarray(labels), names), np.asarray(predicted, dtype=float)
    if names:
        return np.asarray(labels), np.asarray([_label(told, names) or told for told in predicted])
    return np.asarray(labels, dtype=float), np.asarray(predicted, dtype=float)


def _label(text: str, names: list[str]) -> str | None:
    """A label as the class that it names (`1.0` is the class 1); without classes, if it is a number."""
    if text in names:
        return text
    try:
        number = float(text)
    except ValueError:
        return None
    if not names:
        return text if math.isfinite(number) else None
    return next((name for name in names if number_of(name) == number), None)


def number_of(told: Any) -> float:
    """What was told as a number; nan where it is none."""
    try:
        return float(told)
    except (TypeError, ValueError):
        return math.nan
