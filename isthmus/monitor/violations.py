"""Findings as `constraint_violations.json` of SageMaker Model Monitor."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.monitor.baseline import Baseline, Column
from isthmus.monitor.findings import Drift, Violation
from isthmus.monitor.texts import LARGEST_DOMAIN, Texts


def violations(
    baseline: Baseline, current: Baseline, found: list[Drift], confidence: float
) -> list[Violation]:
    """What is broken (missing values, unknown categories) and what has drifted, as Model Monitor names it.

    Missing values count as broken where there are more than chance brings, at `confidence` for all features
    together: five empty cells are no incident. A category that training never saw is one at once where each
    of its own had enough rows to be all there are; else where such rows are more than chance brings too.
    """
    each = (1 - confidence) / max(1, len(baseline))
    listed: list[Violation] = []
    for name, before in baseline.items():
        listed.extend(_broken(name, before, current[name], each))
    return listed + [_drift(one) for one in found if one.ratio > 1]


def _broken(name: str, before: Column, now: Column, chance: float) -> Iterator[Violation]:
    if missing_by_chance(before, now) < chance:
        yield _completeness(name, before.completeness, now.completeness)
    if isinstance(before, Texts) and isinstance(now, Texts) and unknown_by_chance(before, now) < chance:
        seen = before.held_out or before
        unknown = [text for key, (text, _) in now.sample.items() if key not in before.sample]
        yield _categories(name, 1 - now.others / now.present, 1 - seen.others / seen.present, unknown)


def missing_by_chance(before: Column, now: Column) -> float:
    """How likely it is that as many values are missing now when as many go missing as before (Fisher)."""
    return _more_by_chance((before.missing, before.n), (now.missing, now.n))


def unknown_by_chance(before: Texts, now: Texts) -> float:
    """How likely so many rows of categories that training did not know are, where nothing has changed.

    Of a column with more categories than are kept others are no news, and drift tells whether they are more.
    """
    seen = before.held_out or before
    if before.distinct > LARGEST_DOMAIN or seen.others == seen.present:
        return 1.0
    if not before.held_out:
        return 0.0 if now.others else 1.0
    return _more_by_chance((seen.others, seen.present), (now.others, now.present))


def _more_by_chance(before: tuple[int, int], now: tuple[int, int]) -> float:
    """Fisher's exact test of so many of so many rows."""
    if not now[0]:
        return 1.0
    # Here, because importing it takes longer than most monitors run.
    from scipy.stats import hypergeom

    return float(hypergeom.sf(now[0] - 1, before[1] + now[1], before[0] + now[0], now[1]))


def _completeness(name: str, before: float, now: float) -> Violation:
    return {
        "feature_name": name,
        "constraint_check_type": "completeness_check",
        "description": f"Value: {now:.4f} does not meet the constraint requirement! Expected: {before:.4f}",
    }


def _categories(name: str, known: float, before: float, unknown: list[str]) -> Violation:
    shown = ", ".join(repr(text[:40]) for text in sorted(unknown)[:5])
    return {
        "feature_name": name,
        "constraint_check_type": "categorical_values_check",
        "description": f"Value: {known:.4f} does not meet the constraint requirement! "
        f"Expected: {before:.4f}. Unknown: {shown}"
        + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""),
    }


def _drift(one: Drift) -> Violation:
    return {
        "feature_name": one.feature,
        "constraint_check_type": "baseline_drift_check",
        "description": f"Baseline drift distance: {one.value:.4f} exceeds threshold: {one.threshold:.4f} "
        f"({one.statistic}, p = {one.chance:.2g})",
    }
