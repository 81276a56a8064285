"""Fairness: of each group of a facet, about as many rows are predicted positive as of all others.

The measure is disparate impact, the ratio of those shares, with Katz's interval of a ratio. It is Clarify's
DI.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isthmus.container.groups import Group, groups
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.held_out import Judged, judged
from isthmus.deploy.gates.plots import Bar, intervals


@dataclass(frozen=True)
class Ratio:
    """A ratio of two shares, and between what it lies."""

    value: float
    low: float
    high: float


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    rows, evaluation, bounds = endpoint.holdout, endpoint.evaluation, endpoint.config.gates.slices
    if not endpoint.facets:
        return [Finding.unknown("disparate impact", "model.yaml names no facets")]
    found = judged([str(one) for one in rows[evaluation["target"]]], endpoint.served, evaluation)
    if found.problem != "binary":
        return [Finding.unknown("disparate impact", f"a {found.problem} problem has no positive class")]
    return [
        of_facet(facet, found, groups(rows, [facet]), bounds.disparate_impact, bounds.fewest_rows)
        for facet in endpoint.facets
    ]


def of_facet(facet: str, found: Judged, parts: list[Group], least: float, fewest: int) -> Finding:
    """Whether a group's ratio lies below `least`, or above its inverse, beyond what chance explains."""
    name, positive = f"disparate impact of {facet}", found.predicted >= 0.5
    judgeable = [part for part in parts if part.size >= fewest and len(part.rows) - part.size >= fewest]
    if not judgeable:
        return Finding.unknown(name, f"no group of {fewest} rows stands beside {fewest} others")
    sure = 1 - (1 - found.evaluation["confidence"]) / len(judgeable)
    ratios = {part.name: impact(positive[part.rows], positive[~part.rows], sure) for part in judgeable}
    unfair = [one for one, ratio in ratios.items() if ratio.high < least or ratio.low > 1 / least]
    farthest = unfair or [max(ratios, key=lambda one: abs(math.log(max(ratios[one].value, 1e-9))))]
    shown = ", ".join(
        f"{one}: {ratios[one].value:.2f} [{ratios[one].low:.2f}, {ratios[one].high:.2f}]" for one in farthest
    )
    bars = [Bar(one, ratio.value, ratio.low, ratio.high, one not in unfair) for one, ratio in ratios.items()]
    plot = intervals(
        bars, "share of positive predictions, by that of all others", {"least": least, "most": 1 / least}
    )
    message = f"between {least:g} and {1 / least:.3g}; {'outside' if unfair else 'farthest'}: {shown}"
    return Finding(name, not unfair, message, plot)


def impact(group: np.ndarray, others: np.ndarray, confidence: float) -> Ratio:
    """The ratio of the shares of positives, with half a row added to each count so that none is zero."""
    from statistics import NormalDist

    ours, theirs = (float(one.sum()) + 0.5 for one in (group, others))
    value = (ours / (len(group) + 1)) / (theirs / (len(others) + 1))
    error = math.sqrt(1 / ours - 1 / (len(group) + 1) + 1 / theirs - 1 / (len(others) + 1))
    wide = math.exp(NormalDist().inv_cdf(0.5 + confidence / 2) * error)
    return Ratio(value, value / wide, value * wide)
