"""`isthmus idle`: endpoints that nobody asks, and what no endpoint uses; prices only where they are said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus import names
from tests.operate.conftest import CAPTURES, CHECKOUT, GROUP_ARN, MODEL, PROD, Aws, Shell, until

LEFT = f"{MODEL}-0123456789abcdef"


@pytest.fixture(scope="module")
def stray(aws: Aws) -> Iterator[str]:
    """An endpoint that somebody made by hand, and a configuration that was left."""
    sagemaker = aws.client("sagemaker", PROD)
    variant = {"VariantName": "AllTraffic", "ModelName": "rain", "InstanceType": "ml.m5.large"}
    for config in ("stray", LEFT):
        sagemaker.create_endpoint_config(
            EndpointConfigName=config, ProductionVariants=[variant | {"InitialInstanceCount": 3}]
        )
    sagemaker.create_endpoint(EndpointName="stray", EndpointConfigName="stray")
    until(
        lambda: sagemaker.describe_endpoint(EndpointName="stray")["EndpointStatus"],
        lambda status: status == "InService",
    )
    yield "stray"
    sagemaker.delete_endpoint(EndpointName="stray")
    for config in ("stray", LEFT):
        sagemaker.delete_endpoint_config(EndpointConfigName=config)


def found(shell: Shell, *more: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in shell.json("idle", *more)["idle"]}


def test_it_lists_what_nobody_asks_and_what_nothing_uses(shell: Shell, stray: str, aws: Aws) -> None:
    idle = found(shell)
    assert idle[stray]["why"] == "asked nothing for 14 days"
    assert (idle[stray]["machines"], idle[stray]["monthly"]) == ("3 × ml.m5.large", None)
    assert (idle[LEFT]["kind"], idle[LEFT]["why"]) == ("endpoint configuration", "no endpoint uses it")
    said = shell.says("idle", "--days", "7")
    assert "asked nothing for 7 days" in said
    assert "whose price platform.yaml does not say (prices)" in said
    assert shell.run("idle", "--exit-code").exit_code == 2
    runtime = aws.client("sagemaker-runtime", PROD)
    runtime.invoke_endpoint(EndpointName=stray, ContentType="text/csv", Body="1,2\n")
    until(lambda: found(shell), lambda idle: stray not in idle)


def test_a_queue_is_asked_though_it_has_no_invocations(shell: Shell, aws: Aws) -> None:
    sagemaker = aws.client("sagemaker", PROD)
    variant = {"VariantName": "AllTraffic", "ModelName": "rain", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="queued",
        ProductionVariants=[variant | {"InitialInstanceCount": 1}],
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{CAPTURES}/queued"}},
    )
    sagemaker.create_endpoint(EndpointName="queued", EndpointConfigName="queued")
    try:
        until(
            lambda: sagemaker.describe_endpoint(EndpointName="queued")["EndpointStatus"],
            lambda status: status == "InService",
        )
        assert found(shell)["queued"]["why"] == "asked nothing for 14 days"
        aws.client("s3", PROD).put_object(Bucket=CAPTURES, Key="asked.csv", Body=b"1,2\n")
        aws.client("sagemaker-runtime", PROD).invoke_endpoint_async(
            EndpointName="queued", InputLocation=f"s3://{CAPTURES}/asked.csv", ContentType="text/csv"
        )
        until(lambda: found(shell), lambda idle: "queued" not in idle)
    finally:
        sagemaker.delete_endpoint(EndpointName="queued")
        sagemaker.delete_endpoint_config(EndpointConfigName="queued")


def test_a_model_that_a_batch_pipeline_serves_by_is_used(shell: Shell, aws: Aws) -> None:
    sagemaker, role = aws.client("sagemaker", PROD), f"arn:aws:iam::{PROD}:role/isthmus-model"
    serves, left = (f"{MODEL}-{digit * 16}" for digit in "ab")
    for name in (serves, left):
        sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=role,
            Containers=[{"ModelPackageName": f"{GROUP_ARN}/1"}],
        )
    arguments = {
        "ModelName": serves,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{CAPTURES}/in"}}
        },
        "TransformOutput": {"S3OutputPath": f"s3://{CAPTURES}/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    transform = {"Name": "transform", "Type": "Transform", "Arguments": arguments}
    sagemaker.create_pipeline(
        PipelineName=names.batch_pipeline(MODEL),
        PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [transform]}),
        RoleArn=role,
        ClientRequestToken="b" * 32,
    )
    try:
        idle = found(shell)
        assert serves not in idle
        assert idle[left]["why"] == "no endpoint and no batch pipeline uses it"
    finally:
        sagemaker.delete_pipeline(PipelineName=names.batch_pipeline(MODEL), ClientRequestToken="d" * 32)
        for name in (serves, left):
            sagemaker.delete_model(ModelName=name)


def test_prices_are_those_of_platform_yaml(shell: Shell, tmp_path: Path, aws: Aws) -> None:
    platform = tmp_path / "priced.yaml"
    platform.write_text((CHECKOUT / "platform.yaml").read_text() + "\nprices: {ml.m5.large: 0.1}\n")
    sagemaker = aws.client("sagemaker", PROD)
    variant = {"VariantName": "AllTraffic", "ModelName": "rain", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="dear", ProductionVariants=[variant | {"InitialInstanceCount": 2}]
    )
    sagemaker.create_endpoint(EndpointName="dear", EndpointConfigName="dear")
    try:
        until(
            lambda: sagemaker.describe_endpoint(EndpointName="dear")["EndpointStatus"],
            lambda status: status == "InService",
        )
        said = shell.json("idle", ISTHMUS_PLATFORM=str(platform))
        (dear,) = (one for one in said["idle"] if one["name"] == "dear")
        assert dear["monthly"] == 146.0
        assert said["monthly"] >= 146.0
    finally:
        sagemaker.delete_endpoint(EndpointName="dear")
        sagemaker.delete_endpoint_config(EndpointConfigName="dear")


def test_a_price_is_a_price(shell: Shell, tmp_path: Path) -> None:
    platform = tmp_path / "wrong.yaml"
    platform.write_text((CHECKOUT / "platform.yaml").read_text() + "\nprices: {m5.large: 0.1}\n")
    done = shell.run("idle", ISTHMUS_PLATFORM=str(platform))
    assert "instance type of SageMaker" in str(done.exception)
