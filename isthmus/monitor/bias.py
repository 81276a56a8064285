"""SageMaker Clarify's bias metrics, before and after training, by facet; and whether they grew beyond chance.

Definitions: "Measure Pre-training Bias" and "Measure Post-training Data and Model Bias" in the SageMaker
developer guide. All but the flip test (FT), which is a nearest-neighbour model of its own, and
counterfactual fliptest. Every metric is worked out from counts of rows, group × facet × label × prediction,
where 1 is the disadvantaged facet, and the good outcome.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from isthmus.monitor.findings import BiasMetric

Cells = NDArray[np.float64]  # ... × groups × facet × label × prediction
Values = NDArray[np.float64]

RESAMPLES = 400
FEWEST = 30
BEFORE_TRAINING = {
    "CI": "Class Imbalance (CI)",
    "DPL": "Difference in Positive Proportions in Labels (DPL)",
    "KL": "Kullback-Leibler Divergence (KL)",
    "JS": "Jensen-Shannon Divergence (JS)",
    "LP": "L-p Norm (LP)",
    "TVD": "Total Variation Distance (TVD)",
    "KS": "Kolmogorov-Smirnov Distance (KS)",
    "CDDL": "Conditional Demographic Disparity in Labels (CDDL)",
}
AFTER_TRAINING = {
    "DPPL": "Difference in Positive Proportions in Predicted Labels (DPPL)",
    "DI": "Disparate Impact (DI)",
    "DCAcc": "Difference in Conditional Acceptance (DCAcc)",
    "DCR": "Difference in Conditional Rejection (DCR)",
    "RD": "Recall Difference (RD)",
    "SD": "Specificity Difference (SD)",
    "DAR": "Difference in Acceptance Rates (DAR)",
    "DRR": "Difference in Rejection Rates (DRR)",
    "AD": "Accuracy Difference (AD)",
    "TE": "Treatment Equality (TE)",
    "GE": "Generalized Entropy (GE)",
    "CDDPL": "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
}
# Fair is nothing, but of a ratio one.
FAIR = {"DI": 1.0}


def tabulate(group: Values | None, facet: Values, label: Values, prediction: Values) -> Cells:
    """Rows as counts; `group` has whole numbers from 0, the others are 0 or 1."""
    groups = np.zeros(len(facet), int) if group is None else group.astype(int)
    size = int(groups.max(initial=0)) + 1
    place = ((groups * 2 + facet.astype(int)) * 2 + label.astype(int)) * 2 + prediction.astype(int)
    cells: Cells = np.bincount(place, minlength=size * 8).reshape(size, 2, 2, 2).astype(float)
    return cells


def measure(cells: Cells) -> dict[str, Values]:
    """Every metric of one table of counts, or of many at once; not a number where it has no meaning."""
    with np.errstate(invalid="ignore", divide="ignore"):
        whole: Cells = cells.sum(axis=-4)
        return _before_training(whole, cells) | _after_training(whole, cells)


def _before_training(whole: Cells, cells: Cells) -> dict[str, Values]:
    labels = whole.sum(axis=-1)
    rows = labels.sum(axis=-1)
    shares = labels / rows[..., None]
    favoured, other = shares[..., 0, :], shares[..., 1, :]
    # As Clarify does: what one side has none of is left out.
    both = (favoured > 0) & (other > 0)
    middle = (favoured + other) / 2
    apart = np.where(both, np.abs(favoured - other), 0.0)

    def relative(one: Values, to: Values) -> Values:
        found: Values = np.where(both, one * np.log(np.where(both, one / to, 1.0)), 0.0).sum(axis=-1)
        return found

    return {
        "CI": (rows[..., 0] - rows[..., 1]) / rows.sum(axis=-1),
        "DPL": favoured[..., 1] - other[..., 1],
        "KL": relative(favoured, other),
        "JS": (relative(favoured, middle) + relative(other, middle)) / 2,
        "LP": np.sqrt((apart**2).sum(axis=-1)),
        "TVD": apart.sum(axis=-1) / 2,
        "KS": apart.max(axis=-1),
        "CDDL": _disparity(cells.sum(axis=-1)),
    }


def _after_training(whole: Cells, cells: Cells) -> dict[str, Values]:
    labels, told, rows = whole.sum(axis=-1), whole.sum(axis=-2), whole.sum(axis=(-1, -2))
    tn, fp, fn, tp = whole[..., 0, 0], whole[..., 0, 1], whole[..., 1, 0], whole[..., 1, 1]
    good = told[..., 1] / rows
    benefit = (tp + tn).sum(axis=-1) + 2 * fp.sum(axis=-1)
    squares = (tp + tn).sum(axis=-1) + 4 * fp.sum(axis=-1)
    number = rows.sum(axis=-1)
    return {
        "DPPL": good[..., 0] - good[..., 1],
        "DI": good[..., 1] / good[..., 0],
        "DCAcc": -_gap(labels[..., 1] / told[..., 1]),
        "DCR": _gap(labels[..., 0] / told[..., 0]),
        "RD": -_gap(tp / (tp + fn)),
        "SD": _gap(tn / (tn + fp)),
        "DAR": -_gap(tp / told[..., 1]),
        "DRR": _gap(tn / told[..., 0]),
        "AD": -_gap((tp + tn) / rows),
        "TE": _gap(fn / fp),
        "GE": (squares * number / benefit**2 - 1) / 2,
        "CDDPL": _disparity(cells.sum(axis=-2)),
    }


def _gap(sides: Values) -> Values:
    """The disadvantaged facet's less the other's."""
    found: Values = sides[..., 1] - sides[..., 0]
    return found


def _disparity(outcomes: Values) -> Values:
    """The disadvantaged facet's share of rejections less that of acceptances, by group, weighted by rows."""
    sides = outcomes.sum(axis=-2)
    share = np.where(sides > 0, outcomes[..., 1, :] / sides, 0.0)
    rows = sides.sum(axis=-1)
    found: Values = ((share[..., 0] - share[..., 1]) * rows).sum(axis=-1) / rows.sum(axis=-1)
    return found


def compare(
    facet: str, value: str, before: Cells, now: Cells, level: float, seed: int = 0
) -> list[BiasMetric]:
    """Each metric in training and now. `level` is the chance of a false finding, all metrics together.

    A finding is further from fair than in training by more than `level` allows to chance, by a bootstrap of
    both; none where fewer than 30 rows belong to the facet, or do not, in training or now.
    """
    was, is_ = measure(before), measure(now)
    enough = all(_sides(cells).min() >= FEWEST for cells in (before, now))
    ratios = _ratios(before, now, level, seed) if enough else dict.fromkeys(was, 0.0)
    return [
        BiasMetric(facet, value, name, _finite(is_[name]), _finite(was[name]), ratios[name]) for name in was
    ]


def _sides(cells: Cells) -> Values:
    """The rows that do not belong to the facet, and those that do."""
    rows: Values = cells.sum(axis=(0, 2, 3))
    return rows


def _ratios(before: Cells, now: Cells, level: float, seed: int) -> dict[str, float]:
    was, is_ = measure(before), measure(now)
    random = np.random.default_rng(seed)
    drawn = [measure(_resample(side, random)) for side in (before, now)]
    needed = float(-ndtri(level / 2 / len(was)))
    return {name: _ratio(name, was, is_, drawn, needed) for name in was}


def _finite(value: Values) -> float | None:
    return float(value) if np.isfinite(value) else None


def _resample(cells: Cells, random: np.random.Generator) -> Cells:
    number = int(cells.sum())
    shares = cells.ravel() / number if number else np.full(cells.size, 1 / cells.size)
    return random.multinomial(number, shares, RESAMPLES).reshape(RESAMPLES, *cells.shape).astype(float)


def _ratio(
    name: str, was: dict[str, Values], is_: dict[str, Values], drawn: list[dict[str, Values]], needed: float
) -> float:
    fair = FAIR.get(name, 0.0)
    before, now = float(was[name]), float(is_[name])
    if not (np.isfinite(before) and np.isfinite(now)) or abs(now - fair) <= abs(before - fair):
        return 0.0
    spreads = [float(np.std(side[name][np.isfinite(side[name])])) for side in drawn]
    spread = math.hypot(*spreads)
    return abs(now - before) / spread / needed if spread > 0 else 0.0
