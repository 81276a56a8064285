"""The events that the local SageMaker sends have the members, cases and types that SageMaker's have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from tests.contract import specs
from tests.executor.definitions import definition, processing, training
from tests.local.sagemaker.conftest import AUTOMATION, BUCKET, ROLE, Aws, furnish, programs, start, until
from tests.local.sagemaker.test_endpoints import configured, created, settled
from tests.local.sagemaker.test_events import Bus
from tests.local.sagemaker.test_registry import group, register

__all__ = ["programs"]
PACKAGE = "SageMaker Model Package State Change"
EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
STEP = "SageMaker Model Building Pipeline Execution Step Status Change"
ENDPOINT = "SageMaker Endpoint State Change"
DEPLOYMENT = "SageMaker Endpoint Deployment State Change"
# An event has these where there is something to say.
IF_ANY = {"FailureReason", "failureReason", "cacheHitResult"}


@pytest.fixture(scope="module")
def described() -> dict[str, str]:
    """The described detail of each type of event."""
    text = specs.need("sagemaker-events.md").read_text()
    rows = (line.strip("| ").split(" | ", 1) for line in text.splitlines() if line.startswith("| `"))
    return {kind: detail for kinds, detail in rows for kind in re.findall(r"`(SageMaker [^`]+)`", kinds)}


def members(detail: str) -> set[str]:
    """The names at the top of a description such as `aName {b}, metadata {c} and the like; ...`."""
    detail = detail.partition(";")[0]
    while detail != (flat := re.sub(r"\{[^{}]*\}|\([^()]*\)|\[[^\[\]]*\]", "", detail)):
        detail = flat
    parts = [part.split() for part in re.split(r",| and ", detail)]
    names = {part[0].rstrip("?") for part in parts if part}
    return {name for name in names if name == "metadata" or name.lower() != name}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, programs: str) -> Iterator[Aws]:
    from isthmus import lifeline

    server = start(tmp_path_factory.mktemp("events") / "state", programs)
    furnish(server)
    yield server
    lifeline.stop(server.process, 20)


@pytest.fixture(scope="module")
def events(described: dict[str, str], aws: Aws) -> dict[str, list[dict[str, Any]]]:
    """What is sent when each thing is made, changed and done, by type."""
    bus = Bus(aws)
    sagemaker = group(aws, "told")
    arn = register(
        aws,
        "told",
        MetadataProperties={"GeneratedBy": "x"},
        ModelMetrics={"ModelQuality": {"Statistics": {"ContentType": "a/b", "S3Uri": "s3://b/k"}}},
    )
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    stage = {"Stage": "staging", "StageStatus": "InService", "StageDescription": "d"}
    sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle=stage)
    code = aws.upload("code/told.py", "print('done')")
    document = definition(
        processing("Look", code, image=aws.image),
        training("Learn", code, f"s3://{BUCKET}/out", image=aws.image),
    )
    sagemaker.create_pipeline(PipelineName="told", PipelineDefinition=json.dumps(document), RoleArn=ROLE)
    run = sagemaker.start_pipeline_execution(
        PipelineName="told", PipelineExecutionDisplayName="n", PipelineExecutionDescription="d"
    )["PipelineExecutionArn"]
    aws.finished(run)
    created(aws, "told", configured(aws, "told"))
    sagemaker.update_endpoint(EndpointName="told", EndpointConfigName=configured(aws, "anew"))
    settled(aws, "told")
    bus.await_(1, detail_type=ENDPOINT, EndpointStatus="UPDATING")
    until(lambda: bus.await_(1, detail_type=ENDPOINT), lambda found: _ends(found))
    sent: dict[str, list[dict[str, Any]]] = {}
    for event in bus.seen:
        sent.setdefault(event["detail-type"], []).append(event)
    return sent


def _ends(found: list[dict[str, Any]]) -> bool:
    return [one["detail"]["EndpointStatus"] for one in found[-1:]] == ["IN_SERVICE"] and len(found) > 2


def test_each_type_is_sent_in_the_described_envelope(
    described: dict[str, str], events: dict[str, list[dict[str, Any]]]
) -> None:
    assert set(described) == set(events)
    for event in (one for each in events.values() for one in each):
        kinds = {key: type(value) for key, value in event.items()}
        assert kinds == {
            **dict.fromkeys(("version", "id", "detail-type", "source", "account", "time", "region"), str),
            "resources": list,
            "detail": dict,
        }
        assert (event["source"], event["account"]) == ("aws.sagemaker", AUTOMATION)


@pytest.mark.parametrize("kind", [PACKAGE, EXECUTION, STEP, ENDPOINT])
def test_the_detail_has_the_described_members_and_no_other(
    described: dict[str, str], events: dict[str, list[dict[str, Any]]], kind: str
) -> None:
    sent = {name for event in events[kind] for name in event["detail"]}
    assert sent <= members(described[kind]) | IF_ANY
    assert members(described[kind]) - IF_ANY - {"UpdatedModelPackageFields"} <= sent


def test_times_and_cases(events: dict[str, list[dict[str, Any]]]) -> None:
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
    for event in events[PACKAGE]:
        assert re.fullmatch(moment, event["detail"]["CreationTime"])
        assert isinstance(event["detail"]["ModelPackageVersion"], int)
    for event in events[ENDPOINT]:
        assert isinstance(event["detail"]["CreationTime"], int)
        assert re.fullmatch("[A-Z_]+", event["detail"]["EndpointStatus"])
    for event in events[EXECUTION]:
        assert len(event["resources"]) == 2
        assert re.fullmatch(moment, event["detail"]["executionStartTime"])
    for event in events[DEPLOYMENT]:
        for variant in event["detail"]["PendingDeploymentSummary"]["ProductionVariants"]:
            assert {one["Status"] for one in variant["VariantStatus"]} <= {
                *("Creating", "Deleting", "Updating", "ActivatingTraffic", "Baking")
            }


@pytest.mark.parametrize(("kind", "time"), [("Training", str), ("Processing", int)])
def test_jobs_are_told_as_they_are_described(
    events: dict[str, list[dict[str, Any]]], kind: str, time: type
) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape: Any = model.operation_model(f"Describe{kind}Job").output_shape
    for event in events[f"SageMaker {kind} Job State Change"]:
        assert set(event["detail"]) <= set(shape.members)
        assert set(shape.required_members) <= set(event["detail"])
        assert isinstance(event["detail"]["CreationTime"], time)
