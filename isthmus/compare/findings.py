"""All that is found of two versions side by side, and which figure decides."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from isthmus.classes import number_of
from isthmus.compare import answers, scores
from isthmus.compare.answers import Heard, Pair
from isthmus.compare.measured import Measured, side_by_side
from isthmus.compare.sequence import Estimate, Floats, Sample, between, of_pairs, sample
from isthmus.compare.verdict import Difference, Wanted, judge, more
from isthmus.config.compare import Compare
from isthmus.errors import BadInput
from isthmus.monitor.labels import Labels

# Of the pairs that differ most so many are shown.
SHOWN = 10


@dataclass(frozen=True)
class Seen:
    """A version's number, the requests that it was asked, and those that could be read of its captures."""

    version: str
    requests: int
    captured: int
    set_aside: int


@dataclass(frozen=True)
class Agreement:
    """Of a shadow's pairs: how many have the same answers, and how far apart the others are.

    `gaps` are the half, the 95th percentile and the largest of the absolute differences, of numbers only;
    `furthest` the pairs that differ most: the id, and both answers.
    """

    pairs: int
    same: int
    gaps: tuple[float, float, float] | None
    furthest: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Findings:
    """Two versions at a stage since a moment; the difference that is called as `asked.metric` decides."""

    model: str
    stage: str
    since: str
    asked: Compare
    champion: Seen
    challenger: Seen
    differences: list[Difference]
    agreement: Agreement | None = None

    @property
    def decides(self) -> Difference:
        return next(one for one in self.differences if one.name == self.asked.metric)

    def as_dict(self) -> dict[str, Any]:
        told = asdict(self) | {
            "asked": self.asked.model_dump(),
            "outcome": self.decides.outcome,
            "verdict": self.decides.words,
        }
        for one, found in zip(told["differences"], self.differences, strict=True):
            one["words"] = found.words
        return told


@dataclass(frozen=True)
class Evidence:
    """What was measured and captured of the champion and of the challenger, and the labels that have come.

    `metric` and `classes` are those that the versions were judged by when they were built.
    """

    asked: Compare
    measured: tuple[Measured, Measured]
    heard: tuple[Heard, Heard]
    labels: Labels
    metric: str
    classes: list[Any]

    @property
    def mirrored(self) -> list[Pair] | None:
        """The pairs of a shadow; None of two that answer each its own requests."""
        if self.asked.mode == "ab":
            return None
        return answers.pairs(self.heard[0].answers, self.heard[1].answers)


def differences(evidence: Evidence) -> tuple[list[Difference], Agreement | None]:
    """Each of the figures, and of a shadow how far the answers agree."""
    mirrored = evidence.mirrored
    found = [
        _errors(evidence),
        _latency(evidence),
        _attempt("predictions", evidence, lambda: _predictions(evidence, mirrored)),
        _attempt("quality", evidence, lambda: _quality(evidence, mirrored)),
    ]
    return found, None if mirrored is None else agreement(mirrored, evidence.classes)


def _attempt(name: str, evidence: Evidence, measure: Callable[[], Difference]) -> Difference:
    try:
        return measure()
    except BadInput as problem:
        if evidence.asked.metric == name:
            raise
        return Difference(name, "", "", None, None, 0, None, "open", trouble=problem.what)


def _errors(evidence: Evidence) -> Difference:
    sides = [one.errors for one in evidence.measured]
    percent = [_scaled(one, 100.0) for one in sides]
    return _told(evidence, "errors", "%", "requests", "low", percent[0], percent[1])


def _latency(evidence: Evidence) -> Difference:
    champion, challenger = side_by_side(*evidence.measured)
    return _paired(evidence, "latency", "ms", "minutes with requests to both", "low", champion, challenger)


def _predictions(evidence: Evidence, mirrored: list[Pair] | None) -> Difference:
    answer = evidence.asked.answer
    if mirrored is None:
        sides = (answers.values(one.answers, answer) for one in evidence.heard)
        return _told(evidence, "predictions", "", "requests", "", *map(_sampled, sides))
    both = (answers.values((pair[side] for pair in mirrored), answer) for side in (0, 1))
    return _paired(evidence, "predictions", "", "pairs", "", *both)


def _quality(evidence: Evidence, mirrored: list[Pair] | None) -> Difference:
    metric, labels, classes = evidence.metric, evidence.labels, evidence.classes
    if not metric:
        raise BadInput("what the version was judged by when it was built cannot be read")
    of = "pairs of a positive and a negative row" if metric == scores.PAIRS else "labelled rows"
    wanted: Wanted = "low" if scores.lower_is_better(metric) else "high"
    if mirrored is None:
        sides = (scores.alone(one.answers, labels, metric, classes) for one in evidence.heard)
        return _told(evidence, "quality", scores.name(metric), of, wanted, *map(_sampled, sides))
    both = scores.both(mirrored, labels, metric, classes)
    return _paired(evidence, "quality", scores.name(metric), of, wanted, *both)


def _sampled(values: Floats) -> Sample | None:
    values = values[np.isfinite(values)]
    return sample(values) if len(values) else None


def _scaled(one: Sample | None, by: float) -> Sample | None:
    return None if one is None else Sample(one.n, one.mean * by, one.variance * by**2, one.span * by)


def _told(
    evidence: Evidence,
    name: str,
    unit: str,
    of: str,
    wanted: Wanted,
    champion: Sample | None,
    challenger: Sample | None,
) -> Difference:
    """Of two variants that had requests of their own."""
    alpha = evidence.asked.alpha
    estimate = between(champion, challenger, alpha) if champion and challenger else None
    seen = sum(one.n for one in (champion, challenger) if one)
    before, after = (None if one is None else one.mean for one in (champion, challenger))
    return _difference(evidence, name, unit, of, wanted, before, after, seen, estimate)


def _paired(
    evidence: Evidence, name: str, unit: str, of: str, wanted: Wanted, champion: Floats, challenger: Floats
) -> Difference:
    """Of two variants that had the same requests, or the same minutes."""
    told = np.isfinite(champion) & np.isfinite(challenger)
    champion, challenger, count = champion[told], challenger[told], int(told.sum())
    if not count:
        return _difference(evidence, name, unit, of, wanted, None, None, 0, None)
    # As far apart as two answers can be, as far as one has seen.
    span = float(np.ptp(np.concatenate([champion, challenger])))
    estimate = of_pairs(sample(challenger - champion, span), evidence.asked.alpha)
    means = float(champion.mean()), float(challenger.mean())
    return _difference(evidence, name, unit, of, wanted, *means, count, estimate)


def _difference(
    evidence: Evidence,
    name: str,
    unit: str,
    of: str,
    wanted: Wanted,
    champion: float | None,
    challenger: float | None,
    seen: int,
    estimate: Estimate | None,
) -> Difference:
    """Only of the figure that decides is it known which difference matters."""
    asked = evidence.asked
    smallest = asked.smallest_difference if name == asked.metric else 0.0
    outcome = judge(estimate, wanted, smallest)
    left = more(estimate, smallest, asked.alpha) if outcome == "open" and smallest else None
    return Difference(name, unit, of, champion, challenger, seen, estimate, outcome, left)


def agreement(found: list[Pair], classes: list[Any]) -> Agreement:
    """How far copies were answered as their originals: of two classes, on the same side of a half."""
    told = [
        (original.identity, one, other)
        for original, copy in found
        for one, other in zip(original.predictions, copy.predictions, strict=False)
    ]
    numbers = [(number_of(one), number_of(other)) for _, one, other in told]
    if len(classes) > 2 or any(math.isnan(one + other) for one, other in numbers):
        apart = [pair for pair in told if pair[1] != pair[2]]
        return Agreement(len(told), len(told) - len(apart), None, apart[:SHOWN])
    if not told:
        return Agreement(0, 0, None, [])
    gaps = np.abs(np.array([one - other for one, other in numbers]))
    if len(classes) == 2:
        same = sum((one >= 0.5) == (other >= 0.5) for one, other in numbers)
    else:
        same = int((gaps <= 1e-9).sum())
    order = [int(place) for place in np.argsort(-gaps, kind="stable")[:SHOWN] if gaps[place] > 0]
    middle, most = np.quantile(gaps, [0.5, 0.95])
    shown = (float(middle), float(most), float(gaps.max()))
    return Agreement(len(told), same, shown, [told[place] for place in order])
