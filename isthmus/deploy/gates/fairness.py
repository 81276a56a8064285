"""Fairness: of each group of a facet as much is predicted as of all others, as far as deploy.yaml bounds it.

Of classes the measures are Clarify's: disparate impact (DI) and the difference in positive proportions in
predicted labels (DPPL), of one class against the rest. Of a regression: the difference of the mean prediction
and of the mean error. How each is worked out stands in `disparities`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from isthmus.config.gates import Fairness
from isthmus.container.groups import Group, groups
from isthmus.deploy.gates.disparities import Disparity, impact, means, proportions
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.held_out import Judged, judged
from isthmus.deploy.gates.plots import Bar, intervals
from isthmus.errors import BadInput
from isthmus.interval import Interval

OF_VALUES = ("mean_prediction", "mean_error")
OF_CLASSES = ("classes", "disparate_impact", "proportions")


@dataclass(frozen=True)
class Measure:
    """What groups are compared by, and between what it may lie; without a bound it is told and not judged.

    `disparities` go by the class that they are about; of a single one the name is empty.
    """

    key: str
    label: str
    disparities: Mapping[str, Disparity]
    least: float | None
    most: float | None

    def excess(self, found: Interval) -> float:
        """How far the whole interval lies beyond a bound: above zero, chance does not explain it."""
        least, most = self.least or 0.0, self.most or 0.0
        beyond = max(least - found.ci_high, found.ci_low - most)
        return beyond if np.isfinite(beyond) else np.inf


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    rows, evaluation, bounds = endpoint.holdout, endpoint.evaluation, endpoint.config.gates
    if not endpoint.facets:
        return [Finding.unknown("fairness", "model.yaml names no facets")]
    found = judged([str(one) for one in rows[evaluation["target"]]], endpoint.served, evaluation)
    _refuse_what_does_not_fit(bounds.fairness, found)
    measures = list((_of_values if found.problem == "regression" else _of_classes)(bounds.fairness, found))
    level = (1 - evaluation["confidence"]) / (len(measures) * len(endpoint.facets))
    return [
        of_facet(facet, measure, groups(rows, [facet]), bounds.slices.fewest_rows, level)
        for facet in endpoint.facets
        for measure in measures
    ]


def of_facet(facet: str, measure: Measure, parts: list[Group], fewest: int, level: float) -> Finding:
    """Whether a group lies outside the measure's bounds; `level` is the chance that a fair facet does."""
    name = f"{measure.key.replace('_', ' ')} of {facet}"
    judgeable = [part for part in parts if part.size >= fewest and len(part.rows) - part.size >= fewest]
    if not judgeable:
        return Finding.unknown(name, f"no group of {fewest} rows stands beside {fewest} others")
    sure = 1 - level / (len(judgeable) * len(measure.disparities))
    compared = {
        f"{part.name}{outcome and f', {outcome}'}": disparity(part.rows, sure)
        for part in judgeable
        for outcome, disparity in measure.disparities.items()
    }
    excess = {one: measure.excess(interval) for one, interval in compared.items()}
    nearest = max(excess, key=lambda one: excess[one])
    if measure.least is None or measure.most is None:
        return Finding.unknown(
            name, f"no gates.fairness.{measure.key}; farthest: {nearest}: {compared[nearest]:.3g}"
        )
    unfair = [one for one in compared if excess[one] > 0]
    shown = "; ".join(f"{one}: {compared[one]:.3g}" for one in unfair or [nearest])
    bars = [Bar(one, at.value, at.ci_low, at.ci_high, one not in unfair) for one, at in compared.items()]
    plot = intervals(bars, measure.label, {"least": measure.least, "most": measure.most})
    bounds = f"between {measure.least:g} and {measure.most:.3g}"
    return Finding(name, not unfair, f"{bounds}; {'outside' if unfair else 'nearest'}: {shown}", plot)


def _of_classes(bounds: Fairness, found: Judged) -> Iterator[Measure]:
    outcomes = dict(_outcomes(bounds, found))
    yield Measure(
        "disparate_impact",
        "share predicted so, by that of all others",
        {name: partial(impact, told) for name, told in outcomes.items()},
        bounds.disparate_impact,
        1 / bounds.disparate_impact,
    )
    if bounds.proportions is not None:
        yield Measure(
            "proportions",
            "share of all others predicted so, less the group's",
            {name: partial(proportions, told) for name, told in outcomes.items()},
            -bounds.proportions,
            bounds.proportions,
        )


def _outcomes(bounds: Fairness, found: Judged) -> Iterator[tuple[str, np.ndarray]]:
    """For each judged class, whether each row is predicted to be of it: of two the positive one, or all."""
    names = [str(one) for one in found.evaluation["classes"]]
    if found.problem == "binary":
        told = np.where(found.predicted >= 0.5, names[1], names[0])
        wanted = bounds.classes or names[1:]
    else:
        told, wanted = found.predicted, bounds.classes or names
    for name in wanted:
        yield (name if len(wanted) > 1 or bounds.classes else ""), told == name


def _of_values(bounds: Fairness, found: Judged) -> Iterator[Measure]:
    values = {"mean_prediction": found.predicted, "mean_error": found.predicted - found.truth}
    for key in OF_VALUES:
        most: float | None = getattr(bounds, key)
        label = f"{key.replace('_', ' ')} of the group, less that of all others"
        least = None if most is None else -most
        yield Measure(key, label, {"": partial(means, values[key])}, least, most)


def _refuse_what_does_not_fit(bounds: Fairness, found: Judged) -> None:
    """Raises `BadInput` for a bound on what this problem does not have: it would hold nobody up."""
    values = found.problem == "regression"
    known, strange = (OF_VALUES, OF_CLASSES) if values else (OF_CLASSES, OF_VALUES)
    for key in strange:
        if key in bounds.model_fields_set:
            raise BadInput(
                f"a {found.problem} problem has no {key.replace('_', ' ')}",
                where=f"deploy.yaml, gates.fairness.{key}",
                todo=f"leave it out; it has {', '.join(known)}",
            )
    names = [str(one) for one in found.evaluation["classes"]]
    for name in bounds.classes:
        if name not in names:
            raise BadInput(
                f"there is no class {name!r}",
                where="deploy.yaml, gates.fairness.classes",
                todo=f"one of: {', '.join(names)}",
            )
