"""Findings as `constraint_violations.json` of SageMaker Model Monitor."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.monitor.baseline import Baseline, Histogram
from isthmus.monitor.findings import Drift, Violation


def violations(
    baseline: Baseline, current: Baseline, found: list[Drift], confidence: float
) -> list[Violation]:
    """What is broken (missing values, unknown categories) and what has drifted, as Model Monitor names it.

    Missing values count as broken where there are more than chance brings, at `confidence` for all features
    together: five empty cells are no incident. A category that training never saw is one at once.
    """
    each = (1 - confidence) / max(1, len(baseline))
    listed: list[Violation] = []
    for name, before in baseline.items():
        listed.extend(_broken(name, before, current[name], each))
    return listed + [_drift(one) for one in found if one.ratio > 1]


def _broken(name: str, before: Histogram, now: Histogram, chance: float) -> Iterator[Violation]:
    if missing_by_chance(before, now) < chance:
        yield _completeness(name, before.completeness, now.completeness)
    unknown = now.counts[-1]
    if before.kind == "text" and unknown and not before.counts[-1]:
        yield _categories(name, 1 - unknown / now.present)


def missing_by_chance(before: Histogram, now: Histogram) -> float:
    """How likely it is that as many values are missing now when as many go missing as before (Fisher)."""
    if not now.missing:
        return 1.0
    # Here, because importing it takes longer than most monitors run.
    from scipy.stats import hypergeom

    return float(hypergeom.sf(now.missing - 1, before.n + now.n, before.missing + now.missing, now.n))


def _completeness(name: str, before: float, now: float) -> Violation:
    return {
        "feature_name": name,
        "constraint_check_type": "completeness_check",
        "description": f"Value: {now:.4f} does not meet the constraint requirement! Expected: {before:.4f}",
    }


def _categories(name: str, known: float) -> Violation:
    return {
        "feature_name": name,
        "constraint_check_type": "categorical_values_check",
        "description": f"Value: {known:.4f} does not meet the constraint requirement! Expected: 1.0",
    }


def _drift(one: Drift) -> Violation:
    return {
        "feature_name": one.feature,
        "constraint_check_type": "baseline_drift_check",
        "description": f"Baseline drift distance: {one.psi:.4f} exceeds threshold: {one.threshold:.4f}",
    }
