"""The tag that says which model a job is of: SageMaker names those of pipelines by itself, and all alike."""

from __future__ import annotations

from cdk.parts.grants import MODEL, Conditions

OWN: Conditions = {"StringEquals": {"aws:ResourceTag/model": MODEL}}
"""A job is tagged as the model's."""

NEW: Conditions = {"StringEquals": {"aws:RequestTag/model": MODEL}}
"""A request makes a job that is tagged as the model's."""

NOT_ANOTHERS: Conditions = {
    "StringEqualsIfExists": {"aws:RequestTag/model": MODEL, "aws:ResourceTag/model": MODEL}
}
"""Neither is a job another model's, nor would it become that; what is being made has no tags yet."""
