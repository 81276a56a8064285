"""Findings as `constraint_violations.json` of SageMaker Model Monitor."""

from __future__ import annotations

from isthmus.monitor.baseline import Baseline
from isthmus.monitor.drift import Drift

Violation = dict[str, str]


def violations(baseline: Baseline, current: Baseline, found: list[Drift]) -> list[Violation]:
    """What is broken (completeness, unknown categories) and what has drifted, as Model Monitor names it."""
    listed = []
    for name, histogram in baseline.items():
        now = current[name]
        if now.completeness < histogram.completeness:
            listed.append(_completeness(name, histogram.completeness, now.completeness))
        if histogram.kind == "text" and now.counts[-1] and not histogram.counts[-1]:
            listed.append(_categories(name, now.counts[-1]))
    return listed + [_drift(one) for one in found if one.ratio > 1]


def _completeness(name: str, before: float, now: float) -> Violation:
    return {
        "feature_name": name,
        "constraint_check_type": "completeness_check",
        "description": f"Value: {now:.4f} does not meet the constraint requirement! Expected: {before:.4f}",
    }


def _categories(name: str, rows: int) -> Violation:
    return {
        "feature_name": name,
        "constraint_check_type": "categorical_values_check",
        "description": f"{rows} values are outside of the baseline's domain",
    }


def _drift(one: Drift) -> Violation:
    return {
        "feature_name": one.feature,
        "constraint_check_type": "baseline_drift_check",
        "description": f"Baseline drift distance: {one.psi:.4f} exceeds threshold: {one.threshold:.4f}",
    }
