"""Whether a deployed model is still as good as it was when it was registered, once labels arrive."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import polars as pl
from scipy.special import ndtri

from isthmus import interval
from isthmus.classes import class_of, number_of
from isthmus.container.metrics import f1_macro, interval_of, with_interval
from isthmus.interval import FEWEST_OF_CLASS, Interval
from isthmus.monitor.capture import Bad
from isthmus.monitor.findings import CERTAIN, FEWEST_LABELS, Quality

# Of a binary problem: a label of neither class.
UNSEEN = -1


def assess(pairs: Iterable[tuple[str, str]], evaluation: dict[str, Any], confidence: float) -> Quality | None:
    """Compare pairs of label and prediction with the registered evaluation.

    None with fewer than 30 labelled rows, of `f1_macro` also with fewer than 10 of a class, and where the
    metric has no meaning on them (AUC on rows of one class). `loss` is the worsening divided by the half
    width of the interval of the difference of the two estimates, at `confidence`.

    A label of a class that training never saw makes its row a wrong one: nothing that the model could say is
    right. `log_loss` takes it as an outcome of no probability, `f1_macro` as one that the class predicted has
    too much, and its mean stays that of training's classes. AUC is of two classes, and leaves it out.
    """
    metric, classes = evaluation["metric"], [str(one) for one in evaluation["classes"]]
    truth, predicted = typed(list(pairs), classes)
    if metric == "auc":
        truth, predicted = truth[truth != UNSEEN], predicted[truth != UNSEEN]
    if len(truth) < FEWEST_LABELS:
        return None
    if metric == "f1_macro":
        trained: Sequence[Any] = (0, 1) if len(classes) == 2 else classes
        if min(np.count_nonzero(truth == one) for one in trained) < FEWEST_OF_CLASS:
            return None
        current = interval_of(
            lambda counts: f1_macro(trained, truth, predicted, counts), len(truth), confidence
        )
    else:
        current = with_interval(metric, truth, predicted, confidence)
    if not all(map(math.isfinite, astuple(current))):
        return None
    registered = interval.read(evaluation)
    lost = loss(registered, current, evaluation["higher_is_better"], evaluation["confidence"], confidence)
    return Quality(metric, registered, current, len(truth), lost)


def loss(
    registered: Interval, current: Interval, higher_is_better: bool, then: float, confidence: float
) -> float:
    """`Quality.loss`, of what was registered at the confidence `then` and is measured now at `confidence`."""
    if higher_is_better:
        worsening = registered.value - current.value
        halves = (registered.value - registered.ci_low, current.ci_high - current.value)
    else:
        worsening = current.value - registered.value
        halves = (registered.ci_high - registered.value, current.value - current.ci_low)
    # As wide as it were at this confidence, of an estimate that is normal.
    wider = float(ndtri((1 + confidence) / 2) / ndtri((1 + then) / 2))
    width = math.hypot(halves[0] * wider, halves[1])
    if not worsening:
        return 0.0
    return max(-CERTAIN, min(worsening / width, CERTAIN)) if width else math.copysign(CERTAIN, worsening)


def typed(pairs: Sequence[tuple[str, str]], classes: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions as `evaluation.measure` wants them; what is no number is nan.

    Of a binary problem a label of neither class is `UNSEEN`, of several classes it is the text itself.
    """
    names = [str(one) for one in classes]
    labels, predicted = [label for label, _ in pairs], [told for _, told in pairs]
    if not names:
        return _numbers(labels), _numbers(predicted)
    known = {text: class_of(text, names) for text in {*labels, *(predicted if len(names) > 2 else ())}}
    if len(names) == 2:
        places = {text: UNSEEN if one is None else names.index(one) for text, one in known.items()}
        return np.array([places[label] for label in labels], dtype=int), _numbers(predicted)
    truth, told = ([known[text] or text for text in side] for side in (labels, predicted))
    return np.asarray(truth), np.asarray(told)


def _numbers(texts: Iterable[str]) -> np.ndarray:
    return np.array([number_of(text) for text in texts], dtype=float)


def answered(judged: pl.DataFrame, classes: Sequence[str]) -> tuple[pl.DataFrame, list[Bad]]:
    """The labelled rows whose answers can be judged, and the others, each by its id."""
    faults = {told: no_answer(told, classes) for told in judged["prediction"].unique()}
    wrong = judged["prediction"].is_in([told for told, fault in faults.items() if fault and told is not None])
    wrong = wrong.fill_null(True)
    aside = judged.filter(wrong).select("id", "prediction").iter_rows()
    bad = [Bad(f"the answer to {identity}", 0, faults[told], str(told)) for identity, told in aside]
    return judged.filter(~wrong), bad


def no_answer(told: str | None, classes: Sequence[str]) -> str:
    """Why an answer cannot be judged; empty where it can. One of several classes may be any text."""
    if told is None:
        return "there is no answer"
    return "" if len(classes) > 2 or math.isfinite(number_of(told)) else "the answer is no number"


def unseen(labels: Iterable[str], classes: Sequence[str]) -> dict[str, int]:
    """The labels of classes that training never saw, the commonest first, and how many of each there are."""
    found = Counter(label for label in labels if classes and class_of(label, classes) is None)
    return dict(found.most_common())
