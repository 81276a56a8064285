"""Shadow variants: copies of requests reach their own process, and nothing of theirs reaches a caller."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.conftest import BUCKET, ROLE, Aws, until
from tests.local.sagemaker.test_endpoints import asked, created, settled
from tests.local.sagemaker.test_rollouts import traffic, updated

CAPTURED = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/shadows",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
}


def variant(aws: Aws, config: str, name: str, model: str, weight: float = 1.0) -> dict[str, Any]:
    container = {"Image": aws.image, "ModelDataUrl": aws.model(model)}
    made = f"{config}-{model}"
    aws.client("sagemaker").create_model(ModelName=made, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    return {
        "VariantName": name,
        "ModelName": made,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
    }


def configured(aws: Aws, config: str, champion: str, *shadows: str, weight: float = 1.0) -> str:
    beside = [variant(aws, config, f"Shadow{one}", one, weight) for one in shadows]
    aws.client("sagemaker").create_endpoint_config(
        EndpointConfigName=config,
        ProductionVariants=[variant(aws, config, "AllTraffic", champion)],
        **({"ShadowProductionVariants": beside} if beside else {}),
        DataCaptureConfig=CAPTURED,
    )
    return config


def captured(aws: Aws, endpoint: str, name: str) -> dict[str, str]:
    """Answers of a variant, by inference id."""
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"shadows/{endpoint}/{name}/").get("Contents", [])
    files = (s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed)
    lines = [json.loads(line) for file in files for line in file.splitlines()]
    return {
        one["eventMetadata"]["inferenceId"]: one["captureData"]["endpointOutput"]["data"] for one in lines
    }


def measured(aws: Aws, endpoint: str, name: str, metric: str) -> float:
    now = datetime.now(UTC)
    dimensions = {"EndpointName": endpoint, "VariantName": name}
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(one["Sum"] for one in found["Datapoints"]))


def test_a_shadow_gets_copies_and_its_answers_are_captured_and_given_to_nobody(aws: Aws) -> None:
    found = created(aws, "mirrored", configured(aws, "mirrored", "red", "blue"))
    assert [one["VariantName"] for one in found["ProductionVariants"]] == ["AllTraffic"]
    assert [one["VariantName"] for one in found["ShadowProductionVariants"]] == ["Shadowblue"]
    ids = [f"id-{number}" for number in range(20)]
    assert {asked(aws, "mirrored", InferenceId=one) for one in ids} == {"red:1,2"}
    until(lambda: captured(aws, "mirrored", "Shadowblue"), lambda found: len(found) == 20)
    assert captured(aws, "mirrored", "AllTraffic") == dict.fromkeys(ids, "red:1,2")
    assert captured(aws, "mirrored", "Shadowblue") == dict.fromkeys(ids, "blue:1,2")
    assert measured(aws, "mirrored", "Shadowblue", "Invocations") == 20
    with pytest.raises(ClientError, match="Variant Shadowblue"):
        asked(aws, "mirrored", TargetVariant="Shadowblue")


def test_a_shadow_gets_its_share(aws: Aws) -> None:
    created(aws, "shared", configured(aws, "shared", "red", "blue", weight=0.2))
    for _ in range(100):
        asked(aws, "shared")
    assert 3 < measured(aws, "shared", "Shadowblue", "Invocations") < 45


def test_a_shadow_that_fails_or_is_slow_costs_callers_nothing(aws: Aws) -> None:
    created(aws, "careless", configured(aws, "careless", "red", "raising"))
    with traffic(aws, "careless") as seen:
        until(lambda: seen.answers["red"], lambda count: count > 50)
        updated(aws, "careless", configured(aws, "sluggish", "red", "stuck"))
        settled(aws, "careless")
        before = seen.answers["red"]
        # The shadow takes half a minute for an answer: callers who waited for it would get a few.
        until(lambda: seen.answers["red"], lambda count: count > before + 100)
    assert (seen.failures, set(seen.answers)) == ([], {"red"})
    assert measured(aws, "careless", "Shadowraising", "Invocation5XXErrors") > 40
    assert measured(aws, "careless", "AllTraffic", "Invocation5XXErrors") == 0
    assert captured(aws, "careless", "Shadowraising") == {}


def test_a_shadow_whose_process_dies_is_counted_as_failing(aws: Aws) -> None:
    created(aws, "dying", configured(aws, "dying", "red", "dying"))
    with pytest.raises(ClientError, match="no column a"):
        asked(aws, "dying", "crash")
    assert {asked(aws, "dying") for _ in range(30)} == {"red:1,2"}
    failed = until(lambda: measured(aws, "dying", "Shadowdying", "Invocation5XXErrors"), lambda sum: sum > 25)
    assert failed == measured(aws, "dying", "Shadowdying", "Invocations")


def test_a_shadow_that_cannot_start_leaves_what_serves(aws: Aws) -> None:
    created(aws, "standing", configured(aws, "standing", "red"))
    with traffic(aws, "standing") as seen:
        updated(aws, "standing", configured(aws, "stumbling", "red", "broken"))
        found = settled(aws, "standing")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "standing")
    assert "production variant Shadowbroken" in found["FailureReason"]
    assert seen.failures == []


def test_it_goes_again(aws: Aws) -> None:
    created(aws, "going", configured(aws, "going", "red", "blue"))
    updated(aws, "going", configured(aws, "gone-shadow", "blue"))
    found = settled(aws, "going")
    assert ("ShadowProductionVariants" in found, asked(aws, "going")) == (False, "blue:1,2")


def test_what_sagemaker_refuses_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match="one of them, and one production variant"):
        configured(aws, "many", "red", "blue", "green")
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    cold = variant(aws, "icy", "AllTraffic", "red")
    shadow = variant(aws, "icy", "Shadow", "blue")
    cold = {key: cold[key] for key in ("VariantName", "ModelName")} | serverless
    with pytest.raises(ClientError, match="exactly one production variant"):
        aws.client("sagemaker").create_endpoint_config(
            EndpointConfigName="icy", ProductionVariants=[cold], ShadowProductionVariants=[shadow]
        )
