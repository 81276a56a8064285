"""Bias and explanations in SageMaker Clarify's files: `analysis.json`, and the violations of its monitors.

Formats: "Analysis Results", "Bias Drift Violations" and "Model Feature Attribution Drift Violations" in the
SageMaker developer guide. Clarify names its method kernel_shap, and its readers look for that name.
"""

from __future__ import annotations

from typing import Any

from isthmus.monitor.bias import AFTER_TRAINING, BEFORE_TRAINING
from isthmus.monitor.findings import BiasMetric, Explained


def analysis(label: str, metrics: list[BiasMetric], explained: Explained | None) -> dict[str, Any]:
    """`analysis.json`: what was measured now."""
    told: dict[str, Any] = {"version": "1.0"}
    for stage, names in (("pre", BEFORE_TRAINING), ("post", AFTER_TRAINING)):
        facets = _facets(metrics, names)
        if facets:
            told[f"{stage}_training_bias_metrics"] = {
                "label": label,
                "facets": facets,
            }
    if explained:
        told["explanations"] = {"kernel_shap": {label: {"global_shap_values": explained.now}}}
    return told


def _facets(metrics: list[BiasMetric], names: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    facets: dict[str, list[dict[str, Any]]] = {}
    for one in metrics:
        if one.name not in names:
            continue
        values = facets.setdefault(one.facet, [])
        if not values or values[-1]["value_or_threshold"] != one.value:
            values.append({"value_or_threshold": one.value, "metrics": []})
        entry = {"name": one.name, "description": names[one.name]}
        known = {"value": one.now} if one.now is not None else {"value": None, "error": "no such rows"}
        values[-1]["metrics"].append(entry | known)
    return facets


def bias_violations(metrics: list[BiasMetric]) -> dict[str, Any]:
    """`constraint_violations.json` of a bias monitor: metrics further from fair than in training."""
    return {
        "version": "1.0",
        "violations": [
            {
                "facet": one.facet,
                "facet_value": one.value,
                "metric_name": one.name,
                "constraint_check_type": "bias_drift_check",
                "description": f"Value {one.now:.4f} does not meet the constraint requirement "
                f"{one.before:.4f}",
            }
            for one in metrics
            if one.ratio > 1
        ],
    }


def attribution_violations(label: str, explained: Explained) -> dict[str, Any]:
    """`constraint_violations.json` of an explainability monitor."""
    said = f"Feature attribution drift {explained.ndcg:.4f} exceeds threshold {explained.threshold:g}"
    violation = {
        "label": label,
        "metric_name": "shap",
        "constraint_check_type": "feature_attribution_drift_check",
        "description": said,
    }
    return {"version": "1.0", "violations": [violation] if explained.drifted else []}
