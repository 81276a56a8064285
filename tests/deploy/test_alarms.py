"""When people are called about an endpoint, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus import names
from isthmus.config import STAGES, DeployConfig, Platform, Stage
from isthmus.deploy.alarms import alarms, paging, watching
from isthmus.deploy.rollout import rollback_alarms
from isthmus.interval import Interval
from isthmus.monitor.findings import BiasMetric, Drift, Explained, Findings, Quality
from isthmus.monitor.outputs import metrics
from isthmus.monitor.predictions import PREDICTION
from tests.deploy.versions import MODEL

WINDOW = "2026-11-20", "2026-11-27T07:10:00+00:00"
EVERYTHING = {"bias": {"facets": [{"column": "age", "above": 50}]}, "explanations": {}}


def config(**bounds: object) -> DeployConfig:
    return DeployConfig.model_validate({"model": MODEL, "alarms": bounds})


@pytest.mark.parametrize("stage", STAGES)
def test_a_message_says_what_happened_where_and_what_to_do(platform: Platform, stage: Stage) -> None:
    for alarm in paging(platform, config(silent_minutes=30), stage):
        assert alarm.message.startswith(f"{MODEL} in {stage}")
        assert any(word in alarm.message for word in ("Read ", "Look ", "Ask "))
        # What CloudWatch takes.
        assert len(alarm.message) <= 1024


def test_bounds_are_those_of_deploy_yaml(platform: Platform) -> None:
    errors, latency = paging(platform, config(error_percent=2.5, p95_latency_ms=80), "prod")
    assert (errors.statistic, errors.threshold) == ("Average", 0.025)
    assert "2.5 %" in errors.message
    assert (latency.statistic, latency.threshold) == ("p95", 80_000)
    assert "80 ms" in latency.message


def test_silence_is_an_alarm_in_prod_where_traffic_is_expected(platform: Platform) -> None:
    def silence(stage: Stage, **bounds: object) -> list[str]:
        return [one.missing for one in paging(platform, config(**bounds), stage) if one.id == "Silence"]

    assert silence("prod", silent_minutes=30) == ["breaching"]
    assert silence("prod") == silence("staging", silent_minutes=30) == []


def test_the_stacks_role_may_make_each_of_them_and_no_other(platform: Platform) -> None:
    """The policy names alarms by the same functions as here."""
    compare = {"mode": "ab", "percent": 10, "smallest_difference": 1}
    asked = DeployConfig.model_validate(
        {"model": MODEL, "alarms": {"silent_minutes": 30}, "compare": compare, "monitoring": EVERYTHING}
    )
    made = {one.name for one in alarms(platform, asked, "prod", compared=True)}
    assert made == {name(platform, MODEL) for name in names.ALARMS}


def findings() -> dict[str, Findings]:
    """Of each metric of a monitor, findings of which it is one."""
    bounds = {"errors": {}, "threshold": 0.2, "chance": 1e-9, "level": 0.01}
    drift = {name: Drift(name, "psi", {"psi": 0.9}, **bounds) for name in ("wind", PREDICTION)}  # type: ignore[arg-type]
    interval = Interval(0.7, 0.6, 0.8)
    broken = {"feature_name": "wind", "constraint_check_type": "completeness_check", "description": "..."}
    found: dict[str, dict[str, Any]] = {
        "FeatureDrift": {"drift": [drift["wind"]]},
        "PredictionDrift": {"drift": [drift[PREDICTION]]},
        "ConstraintViolations": {"violations": [broken]},
        "QualityLoss": {"quality": Quality("auc", interval, interval, 90, 1.1)},
        "BiasDrift": {"bias": [BiasMetric("age", "over 50", "DPL", 0.3, 0.1, 1.1)]},
        "ExplanationDrift": {"explained": Explained({"wind": 1}, {"wind": 1}, 0.89, 0.9, 100)},
    }
    return {metric: Findings("m", "prod", 3, *WINDOW, 9, 0, **one) for metric, one in found.items()}


def test_people_are_told_of_each_finding_of_a_monitor(platform: Platform) -> None:
    """On the metric that the monitor puts of it, and of nothing else."""
    asked = DeployConfig.model_validate({"model": MODEL, "monitoring": EVERYTHING})
    watched = {str(one.metric): one for one in watching(platform, asked, "prod")}
    steady = {one["MetricName"]: one["Value"] for one in metrics(Findings("m", "prod", 3, *WINDOW, 9, 0))}
    assert steady["ConstraintViolations"] == watched["ConstraintViolations"].threshold == 0
    for metric, found in findings().items():
        values = {one["MetricName"]: one["Value"] for one in metrics(found) if len(one["Dimensions"]) == 2}
        over = [name for name, value in values.items() if value > watched[name].threshold]
        assert over == [metric]
        assert f"isthmus monitor report {MODEL} --stage prod" in watched[metric].message
    assert watched.keys() == findings().keys()
    # The bridge tells of these two, and what becomes of them; of staging it hears nothing.
    assert [name for name, one in watched.items() if not one.pages] == ["FeatureDrift", "QualityLoss"]
    assert all(one.pages for one in watching(platform, asked, "staging"))


def test_what_is_not_looked_at_has_no_alarm(platform: Platform) -> None:
    watched = {one.id for one in watching(platform, DeployConfig(model=MODEL), "staging")}
    assert watched == {"Drift", "Quality", "Predictions", "Constraints"}


@pytest.mark.parametrize(("kind", "endpoint"), [("realtime", MODEL), ("async", f"{MODEL}-async")])
def test_a_rollouts_alarms_are_on_the_fleet_that_is_new(platform: Platform, kind: str, endpoint: str) -> None:
    own = {"name": "empty", "metric": "Invocations", "statistic": "Sum", "below": 1, "minutes": 4}
    rollout = {"prod": {"bake_minutes": 5, "alarms": [own]}}
    asked = DeployConfig.model_validate({"model": MODEL, "endpoint": kind, "rollout": rollout})
    made = rollback_alarms(platform, asked, "prod", f"{MODEL}-c0ffee")
    assert [one.name.rpartition("-")[2] for one in made] == ["errors", "latency", "refusals", "empty"]
    for one in made:
        assert one.dimensions == {
            "EndpointName": endpoint,
            "VariantName": "AllTraffic",
            "EndpointConfigName": f"{MODEL}-c0ffee",
        }
        assert f"Endpoints/{endpoint}." in one.message
    assert (made[3].comparison, made[3].threshold, made[3].datapoints) == ("LessThanThreshold", 1, 4)
    assert rollback_alarms(platform, asked, "staging", "x") == []
