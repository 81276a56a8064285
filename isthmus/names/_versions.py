"""A version in the registry: the words of its state, and keys of its metadata, by who may write them."""

from __future__ import annotations

SERVES, COMPARED = "InService", "Challenger"
"""The status of its life cycle where it serves a stage, and where it is compared there with what serves."""

PROVENANCE = (
    *("commit", "repository", "run_id", "data_version", "data_manifest", "data_set", "reason"),
    *("correlation_id", "metric", "value", "ci_low", "ci_high", "threshold", "n"),
    *("champion", "gain", "gain_low", "gain_high", "evaluation_uri", "baseline_uri"),
)
"""What a version is registered with: nobody writes that after."""

DECISION = ("approved_by", "approved_at", "rejected_by")
"""What a deployment writes down of a decision, which the version's next change would hide."""

STAGE_RECORDS = (
    *("run_id", "at", "endpoint", "endpoint_config", "turned_back", "rolled_back", "promoted"),
    *("models", "compared_config", "compared_with", "compared_how", "compared_at"),
)
"""What a deployment writes down of a stage, after the stage's name and an underscore."""
