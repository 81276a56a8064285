"""Findings as `constraint_violations.json` of SageMaker Model Monitor."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.monitor.baseline import Baseline, Column
from isthmus.monitor.findings import Drift, Violation
from isthmus.monitor.texts import Texts


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


def _broken(name: str, before: Column, now: Column, chance: float) -> Iterator[Violation]:
    if missing_by_chance(before, now) < chance:
        yield _completeness(name, before.completeness, now.completeness)
    if isinstance(before, Texts) and isinstance(now, Texts) and now.others and not before.others:
        yield _categories(name, 1 - now.others / now.present, [text for text, _ in now.sample.values()])


def missing_by_chance(before: Column, now: Column) -> float:
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


def _categories(name: str, known: float, unknown: list[str]) -> Violation:
    shown = ", ".join(repr(text[:40]) for text in sorted(unknown)[:5])
    return {
        "feature_name": name,
        "constraint_check_type": "categorical_values_check",
        "description": f"Value: {known:.4f} does not meet the constraint requirement! Expected: 1.0. "
        f"Unknown: {shown}" + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""),
    }


def _drift(one: Drift) -> Violation:
    return {
        "feature_name": one.feature,
        "constraint_check_type": "baseline_drift_check",
        "description": f"Baseline drift distance: {one.value:.4f} exceeds threshold: {one.threshold:.4f} "
        f"({one.statistic}, p = {one.chance:.2g})",
    }
