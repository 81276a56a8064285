"""What an endpoint runs otherwise than its configuration says; the same by API is in tests/deploy."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.serving.changes import differences, put_back, resized

ASKED: dict[str, Any] = {
    "ProductionVariants": [
        {"VariantName": "AllTraffic", "InitialVariantWeight": 1.0, "InitialInstanceCount": 2},
    ],
    "ShadowProductionVariants": [
        {"VariantName": "Challenger", "InitialVariantWeight": 0.3, "InitialInstanceCount": 1},
    ],
    "DataCaptureConfig": {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://a",
    },
}


def running(name: str, weight: float, count: int) -> dict[str, Any]:
    return {"VariantName": name, "CurrentWeight": weight, "DesiredInstanceCount": count}


RUNS: dict[str, Any] = {
    "ProductionVariants": [running("AllTraffic", 1.0, 2)],
    "ShadowProductionVariants": [running("Challenger", 0.30000001192092896, 1)],
    "DataCaptureConfig": {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": "s3://a",
    },
}


def test_what_runs_as_configured_differs_in_nothing() -> None:
    assert list(differences(RUNS, ASKED)) == list(resized(RUNS, ASKED)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"ShadowProductionVariants": [running("Challenger", 1.0, 1)]},
            "Challenger has 50.0% of the weights",
        ),
        ({"ShadowProductionVariants": []}, "its ShadowProductionVariants are none, not Challenger"),
        (
            {"DataCaptureConfig": {**RUNS["DataCaptureConfig"], "CaptureStatus": "Stopped"}},
            "captures nothing",
        ),
        (
            {"DataCaptureConfig": {**RUNS["DataCaptureConfig"], "CurrentSamplingPercentage": 5}},
            "5 % to s3://a",
        ),
    ],
)
def test_each_change_is_said(change: dict[str, Any], said: str) -> None:
    changes = list(differences(RUNS | change, ASKED))
    assert said in "; ".join(map(str, changes))
    assert (put_back("rain", changes) == COMMAND) == ("weights" in said)


COMMAND = (
    "aws sagemaker update-endpoint-weights-and-capacities --endpoint-name rain "
    "--desired-weights-and-capacities VariantName=AllTraffic,DesiredWeight=1 "
    "VariantName=Challenger,DesiredWeight=0.3"
)


def test_weights_and_instances_are_put_back_at_once_and_nothing_else_by_half() -> None:
    """One call sets the fields of a variant; of what it cannot set, none."""
    weights = {"ProductionVariants": [running("AllTraffic", 3.0, 1)]}
    found = RUNS | weights
    both = [*differences(found, ASKED), *resized(found, ASKED)]
    assert put_back("rain", both) == COMMAND.replace("=1 ", "=1,DesiredInstanceCount=2 ")
    uncaptured = [*both, *differences(RUNS | {"DataCaptureConfig": {}}, ASKED)]
    assert "deploy another version" in put_back("rain", uncaptured)


def test_other_instances_are_said_by_themselves_for_they_may_scale() -> None:
    fewer = RUNS | {"ProductionVariants": [running("AllTraffic", 1.0, 1)]}
    assert list(differences(fewer, ASKED)) == []
    assert list(map(str, resized(fewer, ASKED))) == ["AllTraffic has 1 instances, not 2"]


def test_of_a_serverless_endpoint_its_size_counts_and_no_instances() -> None:
    asked = {"ProductionVariants": [{"VariantName": "AllTraffic", "ServerlessConfig": {"MaxConcurrency": 5}}]}
    has = {
        "VariantName": "AllTraffic",
        "CurrentWeight": 1.0,
        "CurrentServerlessConfig": {"MaxConcurrency": 9},
    }
    runs = {"ProductionVariants": [has]}
    assert list(map(str, differences(runs, asked))) == [
        "AllTraffic is served by MaxConcurrency 9, not MaxConcurrency 5"
    ]
    assert list(resized(runs, asked)) == []
