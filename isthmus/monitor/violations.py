"""What is broken, and what has drifted, as `constraint_violations.json` of SageMaker Model Monitor has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from isthmus.monitor.baseline import Baseline, Column
from isthmus.monitor.findings import Drift, Violation
from isthmus.monitor.numbers import Numbers
from isthmus.monitor.texts import LARGEST_DOMAIN, Texts

# So many unknown categories are named, and so much of each.
NAMED, LONGEST = 5, 40


def violations(
    baseline: Baseline, current: Baseline, found: list[Drift], confidence: float
) -> list[Violation]:
    """What is broken (missing values, fractions, unknown categories) and what has drifted.

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
    if fractions := fractions_among(before, now):
        yield _types(name, fractions)


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


def fractions_among(before: Column, now: Column) -> float:
    """The share of values that are no whole numbers, of a feature that had these alone in training.

    However few they are: `datatype_check_threshold` is 1. Only while its values are counted exactly. What is
    no number at all is no row of such a feature: its request is set aside.
    """
    if not (isinstance(before, Numbers) and isinstance(now, Numbers) and before.integral and now.present):
        return 0.0
    return float(now.rows[now.values != np.rint(now.values)].sum() / now.present)


def unseen_classes(target: str, found: Mapping[str, int], labels: int) -> list[Violation]:
    """What is broken where labels are of classes that training never saw: how many rows each of them has."""
    if not found:
        return []
    shown = ", ".join(
        f"{label[:LONGEST]!r}" + (f" ({rows})" if len(found) > 1 else "")
        for label, rows in list(found.items())[:NAMED]
    )
    more = f" and {len(found) - NAMED} others" if len(found) > NAMED else ""
    said = f"{sum(found.values())} of {labels} labels are {shown}{more}, which training never saw"
    return [_violation(target, "categorical_values_check", said)]


def _completeness(name: str, before: float, now: float) -> Violation:
    said = f"Value: {now:.4f} does not meet the constraint requirement! Expected: {before:.4f}"
    return _violation(name, "completeness_check", said)


def _types(name: str, fractions: float) -> Violation:
    said = (
        "Data type match requirement is not met. Expected data type: Integral, Expected match: "
        f"100.0%. Observed: Only {1 - fractions:.2%} of data is Integral."
    )
    return _violation(name, "data_type_check", said)


def _categories(name: str, known: float, before: float, unknown: list[str]) -> Violation:
    shown = ", ".join(repr(text[:LONGEST]) for text in sorted(unknown)[:NAMED])
    more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
    said = f"Value: {known:.4f} does not meet the constraint requirement! Expected: {before:.4f}. "
    return _violation(name, "categorical_values_check", f"{said}Unknown: {shown}{more}")


def _drift(one: Drift) -> Violation:
    said = (
        f"Baseline drift distance: {one.value:.4f} exceeds threshold: {one.threshold:.4f} "
        f"({one.statistic}, p = {one.chance:.2g})"
    )
    return _violation(one.feature, "baseline_drift_check", said)


def _violation(feature: str, check: str, description: str) -> Violation:
    return {"feature_name": feature, "constraint_check_type": check, "description": description}
