"""Caching, retries and the service's own constraints: small rules, each alone."""

from __future__ import annotations

import pytest

from isthmus.executor import caching, retries, shapes
from isthmus.executor.refusals import ApiError


def test_the_cache_key_is_of_the_documented_attributes() -> None:
    base = {
        "AppSpecification": {"ImageUri": "i"},
        "Environment": {},
        "ProcessingInputs": [{"InputName": "a"}],
    }
    key = caching.key("Processing", base)
    assert key == caching.key(
        "Processing", base | {"RoleArn": "other", "ProcessingOutputConfig": {"Outputs": []}}
    )
    assert key != caching.key("Processing", base | {"Environment": {"A": "1"}})
    assert caching.key("RegisterModel", base) is None


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("P30D", 2_592_000), ("PT1H", 3600), ("P4DT12H", 388_800), ("p1d", 86_400), ("30D", 2_592_000)],
)
def test_durations(duration: str, seconds: float) -> None:
    assert caching.seconds(duration) == seconds


@pytest.mark.parametrize("duration", ["a month", "P", "10"])
def test_no_durations(duration: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        caching.seconds(duration)


def test_retries_back_off_and_end() -> None:
    policy = {
        "ExceptionType": ["Step.THROTTLING"],
        "IntervalSeconds": 2,
        "BackoffRate": 3.0,
        "MaxAttempts": 3,
    }
    waits = [retries.delay([policy], "Step.THROTTLING", attempt, 0) for attempt in (1, 2, 3)]
    assert waits == [2, 6, None]
    assert retries.delay([policy], "Step.SERVICE_FAULT", 1, 0) is None
    expiring = policy | {"ExpireAfterMin": 1}
    assert retries.delay([expiring], "Step.THROTTLING", 1, 30) == 2
    assert retries.delay([expiring], "Step.THROTTLING", 1, 59) is None


@pytest.mark.parametrize(
    ("operation", "params", "complaint"),
    [
        ("DescribePipeline", {}, 'Missing required parameter in input: "PipelineName"'),
        ("DescribeModel", {"ModelName": "a b"}, "Member must satisfy regular expression pattern"),
        (
            "ListPipelines",
            {"SortBy": "Size"},
            r"at 'sortBy' failed .* enum value set: \[Name, CreationTime\]",
        ),
        ("ListPipelines", {"MaxResults": 1000}, "Member must have value less than or equal to 100"),
        ("DeleteModel", {"ModelName": "a" * 64}, "Member must have length less than or equal to 63"),
        ("DescribePipeline", {"PipelineName": 3}, "Invalid type for parameter PipelineName"),
    ],
)
def test_requests_are_held_to_the_service_model(
    operation: str, params: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ApiError, match=complaint) as refusal:
        shapes.check(operation, params)
    assert refusal.value.code == "ValidationException"


def test_metadata_keeps_to_what_the_cloud_accepts() -> None:
    request = {"ModelPackageArn": "arn:aws:sagemaker:eu-west-1:222233334444:model-package/rain/1"}
    shapes.check("UpdateModelPackage", request | {"CustomerMetadataProperties": {"value": "0.71"}})
    with pytest.raises(ApiError, match=r"customerMetadataProperties\.value\.value"):
        shapes.check("UpdateModelPackage", request | {"CustomerMetadataProperties": {"value": "0.71 (95%)"}})
