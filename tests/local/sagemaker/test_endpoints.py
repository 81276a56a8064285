"""Endpoints: a model's own process, its captured requests, and updates that cannot break it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus.serving import look
from tests.local.sagemaker.conftest import AUTOMATION, BUCKET, Aws, until

ROLE = f"arn:aws:iam::{AUTOMATION}:role/pipeline"


def configured(
    aws: Aws, *models: str, capture: bool = False, role: str = ROLE, variant: str = "", instances: int = 1
) -> str:
    """An endpoint configuration with a variant per model, named after it or `variant`; returns its name."""
    sagemaker = aws.client("sagemaker")
    parts = (
        *models,
        *(["captured"] if capture else []),
        role.rpartition("/")[2],
        *([variant] if variant else []),
    )
    name = "-".join((*parts, str(instances)))
    for model in models:
        container = {"Image": aws.image, "ModelDataUrl": aws.model(model)}
        sagemaker.create_model(ModelName=f"{name}-{model}", ExecutionRoleArn=role, PrimaryContainer=container)
    more: dict[str, Any] = {}
    if capture:
        more["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/capture",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        }
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {"VariantName": variant or model, "ModelName": f"{name}-{model}", "InstanceType": "ml.m5.large",
             "InitialInstanceCount": instances}
            for model in models
        ],
        **more,
    )  # fmt: skip
    return name


def settled(aws: Aws, name: str) -> dict[str, Any]:
    sagemaker = aws.client("sagemaker")
    found: dict[str, Any] = until(
        lambda: sagemaker.describe_endpoint(EndpointName=name),
        lambda found: found["EndpointStatus"] not in ("Creating", "Updating"),
    )
    return found


def created(aws: Aws, name: str, config: str) -> dict[str, Any]:
    aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config)
    return settled(aws, name)


def asked(aws: Aws, name: str, body: str = "1,2", **more: Any) -> str:
    runtime = aws.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/csv", **more)
    text: str = answer["Body"].read().decode()
    return text


def test_an_endpoint_answers_and_captures(aws: Aws) -> None:
    found = created(aws, "rain", configured(aws, "one", capture=True))
    assert found["EndpointStatus"] == "InService"
    assert found["DataCaptureConfig"]["CaptureStatus"] == "Started"
    assert asked(aws, "rain", InferenceId="id-1") == "one:1,2"
    s3 = aws.client("s3")
    prefix = "capture/rain/one/"
    listed = until(
        lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", []),
        lambda found: bool(found),
    )
    key = listed[0]["Key"]
    assert key.endswith(".jsonl")
    assert [len(part) for part in key.removeprefix(prefix).split("/")[:4]] == [4, 2, 2, 2]
    (line,) = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().splitlines()
    record = json.loads(line)
    assert record["captureData"]["endpointInput"]["data"] == "1,2"
    assert record["captureData"]["endpointOutput"]["data"] == "one:1,2"
    assert record["eventMetadata"]["inferenceId"] == "id-1"


def test_errors_of_the_model_are_passed_on(aws: Aws) -> None:
    created(aws, "errors", configured(aws, "two"))
    for body, status in (("bad", 400), ("crash", 500)):
        with pytest.raises(ClientError) as refusal:
            asked(aws, "errors", body)
        answer: Any = refusal.value.response
        assert answer["Error"]["Code"] == "ModelError"
        assert (answer["OriginalStatusCode"], answer["OriginalMessage"]) == (status, "no column a")
        assert f"({status}) from primary" in answer["Error"]["Message"]
    with pytest.raises(ClientError, match="Endpoint nowhere of account") as missing:
        asked(aws, "nowhere")
    assert missing.value.response["Error"]["Code"] == "ValidationError"


def test_variants_are_chosen_by_name(aws: Aws) -> None:
    created(aws, "variants", configured(aws, "red", "blue"))
    assert asked(aws, "variants", TargetVariant="red") == "red:1,2"
    assert asked(aws, "variants", TargetVariant="blue") == "blue:1,2"
    with pytest.raises(ClientError, match="Variant green"):
        asked(aws, "variants", TargetVariant="green")


def test_an_endpoint_that_cannot_start_says_why(aws: Aws) -> None:
    found = created(aws, "broken", configured(aws, "broken"))
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    assert found["FailureReason"].endswith("cannot load the model")
    serves = look(aws.client("sagemaker"), "broken", "staging")
    assert (serves.status, serves.changed, serves.resized) == ("Failed", (), ()), "nobody changed it"
    poor = aws.role("poor", [{"Effect": "Allow", "Action": ["ecr:*"], "Resource": "*"}])
    found = created(aws, "denied", configured(aws, "one", role=poor))
    assert found["EndpointStatus"] == "Failed"
    assert "Could not access model data at s3://" in found["FailureReason"]


def test_a_deleted_endpoint_is_gone(aws: Aws) -> None:
    sagemaker = aws.client("sagemaker")
    created(aws, "gone", configured(aws, "gone"))
    sagemaker.delete_endpoint(EndpointName="gone")
    with pytest.raises(ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName="gone")
    with pytest.raises(ClientError, match="not found"):
        asked(aws, "gone")


def test_invoking_needs_the_right(aws: Aws) -> None:
    created(aws, "private", configured(aws, "private"))
    aws.role("stranger", [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
    runtime = aws.client("sagemaker-runtime", role="stranger")
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:InvokeEndpoint"):
        runtime.invoke_endpoint(EndpointName="private", Body="1")
