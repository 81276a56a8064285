"""Alarms, the metrics that they watch, and the dashboards that show both."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.config import Platform


# Where Model Monitor and Clarify put theirs.
DATA_METRICS, BIAS_METRICS = "aws/sagemaker/Endpoints/data-metrics", "aws/sagemaker/Endpoints/bias-metrics"
MODEL_METRICS = "aws/sagemaker/Endpoints/model-metrics"

METRIC_NAMESPACE = "Isthmus"
"""The CloudWatch namespace of the metrics about models."""

VERSION_METRIC = "Version"
"""The number of the version that a stage serves."""

FEATURE_DRIFT, PREDICTION_DRIFT, QUALITY_LOSS = "FeatureDrift", "PredictionDrift", "QualityLoss"
BIAS_DRIFT, EXPLANATION_DRIFT = "BiasDrift", "ExplanationDrift"
"""What a monitor finds, as a ratio: over 1 it is beyond chance, or beyond what is asked for."""

CONSTRAINT_VIOLATIONS = "ConstraintViolations"
"""How many of the baseline's constraints a monitor found broken."""


def errors_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-errors"


def latency_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-latency"


def silence_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-silence"


def challenger_errors_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-errors-challenger"


def challenger_latency_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-latency-challenger"


def drift_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-drift"


def further_drift_alarm(platform: Platform, model: str, number: int | str) -> str:
    """Where one alarm cannot watch all features: no model's name has a full stop."""
    return drift_alarm(platform, f"{model}.{number}")


def quality_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-quality"


def predictions_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-predictions"


def constraints_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-constraints"


def bias_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-bias"


def explanations_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-explanations"


ALARMS = (
    errors_alarm,
    latency_alarm,
    silence_alarm,
    challenger_errors_alarm,
    challenger_latency_alarm,
    drift_alarm,
    quality_alarm,
    predictions_alarm,
    constraints_alarm,
    bias_alarm,
    explanations_alarm,
)
"""Those that a model's endpoint stack makes, whichever version serves."""


def rollback_alarm(platform: Platform, endpoint_config: str, kind: str) -> str:
    """On the fleet of one endpoint configuration while traffic is moved to it."""
    return f"{platform.name}-{endpoint_config}-{kind}"


def backlog_alarm(platform: Platform, model: str) -> str:
    """Serving: that requests wait at an asynchronous endpoint which has no instance; it starts one."""
    return f"{platform.name}-{model}-backlog"


def dashboard(platform: Platform) -> str:
    """Serving: all models of the account at a glance."""
    return f"{platform.name}-overview"


def model_dashboard(platform: Platform) -> str:
    """Serving: one model, chosen there."""
    return f"{platform.name}-model"
