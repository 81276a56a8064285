"""What a monitor found, as one shape: written by its step, read by `isthmus monitor` and the report.

Needs nothing but Python, so that whoever reads a report needs none of what made it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from isthmus.counting import counted
from isthmus.errors import BadInput
from isthmus.interval import FEWEST_OF_CLASS, Interval

FEWEST_LABELS = 30
# What is said where a ratio has no bound: CloudWatch takes no infinity.
CERTAIN = 1000.0
Violation = dict[str, str]


@dataclass(frozen=True)
class Drift:
    """One column's drift: all its distances from the baseline, and what the one that decides says.

    `errors` are how wrong each distance can be; `chance` is how likely so much is where nothing has drifted,
    all columns considered, and a finding where it is under `level`. `possible` says whether it would be one
    if the distance were more by its error.
    """

    feature: str
    statistic: str
    distances: dict[str, float]
    errors: dict[str, float]
    threshold: float
    chance: float
    level: float
    possible: bool = False

    @property
    def value(self) -> float:
        return self.distances[self.statistic]

    @property
    def error(self) -> float:
        return self.errors.get(self.statistic, 0.0)

    @property
    def least(self) -> float:
        """The least that the distance can be: over cells Kolmogorov-Smirnov's is never found too large."""
        return self.value if self.statistic == "kolmogorov_smirnov" else max(0.0, self.value - self.error)

    @property
    def psi(self) -> float:
        return self.distances["psi"]

    @property
    def ratio(self) -> float:
        """Over 1 is drift: the distance is over its threshold for certain, and its chance under the level."""
        rare = math.log(self.chance) / math.log(self.level) if self.chance > 0 else CERTAIN
        far = self.least / self.threshold if self.threshold else CERTAIN
        return min(rare, far, CERTAIN)

    @property
    def verdict(self) -> str:
        """`drift`; `unsure`, where the distance is too inexact to say it is none; or `steady`."""
        if self.ratio > 1:
            return "drift"
        return "unsure" if self.possible else "steady"


@dataclass(frozen=True)
class Quality:
    """The metric on `n` labelled captures beside the registered one; `loss` over 1 is beyond chance."""

    metric: str
    registered: Interval
    current: Interval
    n: int
    loss: float

    @property
    def now(self) -> str:
        return f"{self.metric} {self.current} on {counted(self.n, 'label')}"


@dataclass(frozen=True)
class Labelled:
    """How many labels came, how many of them were judged, and of the others how many for which reason."""

    came: int = 0
    judged: int = 0
    unusable: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        others = "".join(f", {rows} {reason}" for reason, rows in self.unusable.items())
        return f"{counted(self.came, 'label')} came, {self.judged} could be used{others}"


@dataclass(frozen=True)
class BiasMetric:
    """A bias metric of a facet's value, now and in training; None where it has no meaning.

    `ratio` over 1 is further from fair than in training, beyond chance.
    """

    facet: str
    value: str
    name: str
    now: float | None
    before: float | None
    ratio: float


@dataclass(frozen=True)
class Explained:
    """Mean absolute Shapley values, in training and now, and how alike their order is (`ndcg`, 1 is alike).

    `rows` were explained of those captured.
    """

    before: dict[str, float]
    now: dict[str, float]
    ndcg: float
    threshold: float
    rows: int

    @property
    def drifted(self) -> bool:
        return self.ndcg < self.threshold

    @property
    def ratio(self) -> float:
        """Over 1 is drift; 0 is the same order as in training."""
        return (1 - self.ndcg) / (1 - self.threshold)


@dataclass(frozen=True)
class SetAside:
    """Lines that could not be read, for one reason: how many, and where the first of them stands."""

    reason: str
    lines: int
    first: str


def set_aside(found: Iterable[tuple[str, str]]) -> list[SetAside]:
    """Reasons and places of lines as one entry for each reason, the commonest first."""
    places: dict[str, list[str]] = {}
    for reason, place in found:
        places.setdefault(reason, []).append(place)
    entries = [SetAside(reason, len(there), there[0]) for reason, there in places.items()]
    return sorted(entries, key=lambda one: -one.lines)


@dataclass(frozen=True)
class Findings:
    """About one version at one stage. `quality` is None until enough labels have come.

    What was captured from the day `since` on, until it was `made` (ISO 8601, in UTC).
    `labels_twice` are ids that were given different labels, with those; the last of them counted.
    """

    model: str
    stage: str
    version: int
    since: str
    made: str
    rows: int
    bad_lines: int
    drift: list[Drift] = field(default_factory=list)
    quality: Quality | None = None
    violations: list[Violation] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    labels_twice: dict[str, list[str]] = field(default_factory=dict)
    bias: list[BiasMetric] = field(default_factory=list)
    explained: Explained | None = None
    labelled: Labelled = Labelled()

    @property
    def about(self) -> str:
        """Which version, and the window that was looked at."""
        until = f"{datetime.fromisoformat(self.made):%Y-%m-%d %H:%M} UTC"
        return f"version {self.version}, captured from {self.since} until {until}"

    @property
    def drifted(self) -> list[Drift]:
        return [one for one in self.drift if one.ratio > 1]

    @property
    def unsure(self) -> list[Drift]:
        """What may have drifted, and was counted too coarsely to tell."""
        return [one for one in self.drift if one.verdict == "unsure"]

    @property
    def broken(self) -> list[Violation]:
        """Constraints of the data that do not hold, drift apart."""
        return [one for one in self.violations if one["constraint_check_type"] != "baseline_drift_check"]

    @property
    def unfair(self) -> list[BiasMetric]:
        return [one for one in self.bias if one.ratio > 1]

    @property
    def lost(self) -> bool:
        """Whether the model has become worse than chance explains."""
        return self.quality is not None and self.quality.loss > 1

    def as_json(self) -> str:
        content = asdict(self)
        for written, one in zip(content["drift"], self.drift, strict=True):
            written |= {"ratio": one.ratio, "verdict": one.verdict}
        return json.dumps(content, indent=1, allow_nan=False)


def parse(text: str | bytes) -> Findings:
    """The findings that `as_json` wrote; raises `BadInput` where that of another time wrote other ones."""
    try:
        return _parse(json.loads(text))
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"this report is of another version of Isthmus ({error})",
            where="findings.json",
            todo="run the monitor of a version that was deployed since: isthmus monitor run",
        ) from None


def _parse(found: dict[str, Any]) -> Findings:
    quality = found["quality"]
    if quality:
        sides = {side: Interval(**quality[side]) for side in ("registered", "current")}
        quality = Quality(**quality | sides)
    drift = [
        Drift(**{key: one[key] for key in one if key not in ("ratio", "verdict")}) for one in found["drift"]
    ]
    aside = [SetAside(**one) for one in found["set_aside"]]
    bias = [BiasMetric(**one) for one in found["bias"]]
    explained = Explained(**found["explained"]) if found["explained"] else None
    parts = {"drift": drift, "quality": quality, "set_aside": aside, "bias": bias, "explained": explained}
    parts["labelled"] = Labelled(**found["labelled"])
    return Findings(**found | parts)


def summary(found: Findings) -> str:
    """What was found, as a small table for a person."""
    if not found.rows:
        nothing = f"nothing captured yet; {counted(found.bad_lines, 'unreadable line')}"
        return "\n".join([found.about, nothing, *_troubles(found)])
    read = f"{counted(found.rows, 'row')} captured, {counted(found.bad_lines, 'unreadable line')}"
    lines = [found.about, read]
    named = [one.feature for one in found.drift] + [one["feature_name"] for one in found.violations]
    wide = max(map(len, ["feature", *named]))
    deciding = {one.statistic for one in found.drift}
    distance = deciding.pop() if len(deciding) == 1 else "distance"
    lines.append(f"  {'feature':<{wide}} {distance:>8} {'threshold':>10} {'p':>8}")
    for one in found.drift:
        told = f"{one.value:8.3f} {one.threshold:10.3f} {one.chance:8.2g}  {one.verdict}"
        lines.append(f"  {one.feature:<{wide}} {told}")
    for broken in found.broken:
        said = f"{broken['constraint_check_type']}: {broken['description']}"
        lines.append(f"  {broken['feature_name']:<{wide}} {said}")
    return "\n".join([*lines, *_unsure(found), *_troubles(found), *_fairness(found), quality_line(found)])


def _unsure(found: Findings) -> Iterator[str]:
    for one in found.unsure:
        yield f"unsure: {one.feature} may have drifted: {one.statistic} is {one.value:.3g} ± {one.error:.2g}"


def _fairness(found: Findings) -> Iterator[str]:
    for one in found.unfair:
        yield f"bias: {one.facet} = {one.value}: {one.name} {one.now:.3f}, in training {one.before:.3f}"
    if found.bias and not found.unfair:
        yield "bias: within chance of what it was in training"
    if found.explained:
        verdict = (
            "features count as in training" if not found.explained.drifted else "features count otherwise"
        )
        rows = counted(found.explained.rows, "row")
        yield f"explanations: {verdict} (NDCG {found.explained.ndcg:.3f} on {rows})"


def _troubles(found: Findings) -> Iterator[str]:
    for one in found.set_aside:
        yield f"set aside: {counted(one.lines, 'line')}, the first at {one.first}: {one.reason}"
    if found.labels_twice:
        few = ", ".join(
            f"{key} ({' then '.join(told)})" for key, told in list(found.labels_twice.items())[:3]
        )
        number = counted(len(found.labels_twice), "id")
        yield f"labels: {number} with different labels, of which the last counts: {few}"


def quality_line(found: Findings) -> str:
    quality, labelled = found.quality, found.labelled
    if quality is None:
        few = f"it takes {FEWEST_LABELS}, of more than one class; f1_macro {FEWEST_OF_CLASS} of each"
        return f"quality: too few labels yet ({few})" + (f": {labelled}" if labelled.came else "")
    verdict = "a loss beyond chance" if quality.loss > 1 else "within chance"
    return f"{quality.now}, registered {quality.registered}: {verdict}" + (
        f"; {labelled}" if labelled.unusable else ""
    )
