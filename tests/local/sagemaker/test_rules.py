"""Rollouts and what is captured: small rules, each alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from isthmus.local.sagemaker import capture, rollout


def test_a_rollout_in_stages() -> None:
    canary = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 60,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
    }
    linear = {
        "Type": "LINEAR",
        "WaitIntervalInSeconds": 5,
        "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1},
    }

    def stages(routing: dict[str, object]) -> list[tuple[float, ...]]:
        config = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
        return [(stage.share, stage.seconds) for stage in rollout.read(config, 3).stages]

    assert stages(canary) == [(0.1, 60), (1, 60)]
    assert stages(linear) == [(pytest.approx(1 / 3), 5), (pytest.approx(2 / 3), 5), (1, 5)]
    assert rollout.read(None, 1).stages == (rollout.Stage(1.0, 0.0),)


def test_what_a_captured_line_says() -> None:
    at = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    exchange = capture.Exchange("all", b"1,2", "text/csv", b"\x00", "application/x-npy", "id-1", at)
    config = {
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    line = capture.line(config, exchange)
    assert line["captureData"]["endpointInput"]["data"] == "1,2"
    assert line["captureData"]["endpointInput"]["encoding"] == "CSV"
    assert line["captureData"]["endpointOutput"]["encoding"] == "BASE64"
    assert line["captureData"]["endpointOutput"]["data"] == "AA=="
    assert line["eventMetadata"]["inferenceId"] == "id-1"
    assert line["eventMetadata"]["inferenceTime"] == "2026-07-01T12:30:00Z"
    only_input = capture.line(config | {"CaptureOptions": [{"CaptureMode": "Input"}]}, exchange)
    assert list(only_input["captureData"]) == ["endpointInput"]
