"""What the bridge reacts to reaches it: a rule for each kind of event, which the documented event matches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge import looks
from bridge.reactions import REACTIONS
from isthmus import names
from isthmus.config import read_platform
from tests.bridge.samples import SAMPLES, Event
from tests.cdk.conftest import FULL, read_templates
from tests.local.conftest import AUTOMATION, Aws, aws, issuer, programs

__all__ = ["aws", "issuer", "programs"]
# Sent to the queue by the bridge itself, or by the clock.
FED = [key for key in REACTIONS if key[0] not in (looks.SOURCE, "aws.events")]


@pytest.fixture(scope="module")
def rules(full: Path) -> list[dict[str, Any]]:
    """The automation account's rules that feed the bridge's queue."""
    platform = read_platform(FULL)
    resources = read_templates(full, platform)["automation"]["Resources"].values()
    found = [one["Properties"] for one in resources if one["Type"] == "AWS::Events::Rule"]
    return [one for one in found if one["Name"].startswith(f"{names.bridge(platform)}-")]


@pytest.mark.parametrize("kind", FED, ids=lambda kind: kind[1])
def test_each_kind_of_event_is_fed_by_a_rule_of_its_bus(
    aws: Aws, rules: list[dict[str, Any]], kind: tuple[str, str]
) -> None:
    """SageMaker's come on AWS's own bus, ours and those of other accounts on the automation bus."""
    for sample in SAMPLES[kind]:
        found = [one for one in rules if "EventPattern" in one and _matches(aws, one["EventPattern"], sample)]
        assert ["EventBusName" in one for one in found] == [kind[0] != "aws.sagemaker"]
        assert not any(
            _matches(aws, one["EventPattern"], sample | {"account": "999988887777"}) for one in found
        )


def test_a_clock_feeds_it_too(rules: list[dict[str, Any]]) -> None:
    assert len([one for one in rules if "ScheduleExpression" in one]) == 1


def _matches(aws: Aws, pattern: dict[str, Any], event: Event) -> bool:
    told = aws.client("events", AUTOMATION).test_event_pattern(
        EventPattern=json.dumps(pattern), Event=json.dumps(event)
    )
    return bool(told["Result"])
