"""When people are called about an endpoint, and what they are told."""

from __future__ import annotations

import pytest

from isthmus import names
from isthmus.config import STAGES, DeployConfig, Platform, Stage
from isthmus.deploy.alarms import alarms, paging
from isthmus.deploy.rollout import rollback_alarms
from tests.deploy.versions import MODEL


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
        {"model": MODEL, "alarms": {"silent_minutes": 30}, "compare": compare}
    )
    made = {one.name for one in alarms(platform, asked, "prod", compared=True)}
    assert made == {name(platform, MODEL) for name in names.ALARMS}


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
