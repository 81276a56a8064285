"""Dashboards: what people look for is on them, and two hundred models make them no larger."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from isthmus import names
from isthmus.config import STAGES, Platform

Templates = dict[str, dict[str, Any]]


def bodies(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        one["Properties"]["DashboardName"]: json.loads(one["Properties"]["DashboardBody"])
        for one in template["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Dashboard"
    }


def expressions(body: dict[str, Any]) -> list[str]:
    return [
        metric[0]["expression"] for widget in body["widgets"] for metric in widget["properties"]["metrics"]
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_has_both(templates: Templates, platform: Platform, stage: str) -> None:
    assert set(bodies(templates[stage])) == {names.dashboard(platform), names.model_dashboard(platform)}


@pytest.mark.parametrize("stage", STAGES)
def test_neither_names_a_model(templates: Templates, platform: Platform, stage: str) -> None:
    for body in bodies(templates[stage]).values():
        assert not [model.name for model in platform.models if model.name in json.dumps(body)]
        assert all("SEARCH(" in one for one in expressions(body))


@pytest.mark.parametrize(
    "metric",
    [
        "Invocations",
        "ModelLatency",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "CPUUtilization",
        "MemoryUtilization",
        "InvocationsPerInstance",
        "FeatureDrift",
        "QualityLoss",
        names.VERSION_METRIC,
    ],
)
def test_what_people_look_for_is_on_both(templates: Templates, metric: str) -> None:
    for body in bodies(templates["prod"]).values():
        assert [one for one in expressions(body) if f'MetricName="{metric}"' in one]


def test_a_model_is_chosen_from_those_that_there_are(templates: Templates, platform: Platform) -> None:
    body = bodies(templates["prod"])[names.model_dashboard(platform)]
    (choice,) = body["variables"]
    assert choice["populateFrom"] == "EndpointName"
    assert all(choice["pattern"] in one for one in expressions(body))
    percentiles = {re.findall(r"'(p\d+)'", one)[0] for one in expressions(body) if "ModelLatency" in one}
    assert percentiles == {"p50", "p95", "p99"}


def test_widgets_do_not_overlap(templates: Templates) -> None:
    for body in bodies(templates["prod"]).values():
        places = [(one["x"], one["y"]) for one in body["widgets"]]
        assert len(set(places)) == len(places)
        assert all(one["x"] + one["width"] <= 24 for one in body["widgets"])
