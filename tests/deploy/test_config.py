"""deploy.yaml: each mistake in it is named by file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.config import read_deploy
from isthmus.errors import BadInput
from tests.deploy.conftest import REPOSITORY


def test_the_example_is_read() -> None:
    config = read_deploy(REPOSITORY / "deploy.yaml")
    assert (config.model, config.monitoring.window_days) == ("seattle-rain", 30)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("monitoring: {schedule: daily}", ["deploy.yaml:2", "monitoring.schedule", "'daily'"]),
        ("monitoring: {window_days: 0}", ["monitoring.window_days"]),
        ("gates: {latency: 5}", ["unknown key 'latency'", "p95_latency_ms"]),
        ("gates: {concurrency: 1000}", ["gates.concurrency", "1000"]),
        ("capacity: {prod: {instance_type: m5.large}}", ["capacity.prod.instance_type", "'m5.large'"]),
        ("capture_percent: 101", ["capture_percent", "101"]),
        ("endpoint: serverless", ["endpoint", "'serverless'"]),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, line: str, words: list[str]) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(f"model: seattle-rain\n{line}\n")
    with pytest.raises(BadInput) as caught:
        read_deploy(file)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("schedule", ["rate(1 day)", "rate(12 hours)", "cron(0 6 ? * MON *)"])
def test_schedules_are_those_of_eventbridge(tmp_path: Path, schedule: str) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(f"model: seattle-rain\nmonitoring: {{schedule: '{schedule}'}}\n")
    assert read_deploy(file).monitoring.schedule == schedule
