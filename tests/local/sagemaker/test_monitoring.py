"""Model Monitor's job definitions and schedules on the local SageMaker, by the API's own requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import time_machine

from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker.cloud import Caller, Cloud
from isthmus.local.sagemaker.sagemaker import SageMaker
from tests.local.sagemaker.conftest import REGION, STAGING

ROLE = f"arn:aws:iam::{STAGING}:role/monitor"
CALLER = Caller(STAGING, REGION, ROLE, "")
IMAGE = f"468650794304.dkr.ecr.{REGION}.amazonaws.com/sagemaker-model-monitor-analyzer"
CREATED = datetime(2026, 11, 26, 9, 40, tzinfo=UTC)
JOB: dict[str, Any] = {
    "JobDefinitionName": "rain-1",
    "DataQualityAppSpecification": {"ImageUri": IMAGE},
    "DataQualityJobInput": {"EndpointInput": {"EndpointName": "rain", "LocalPath": "/opt/ml/processing/in"}},
    "DataQualityJobOutputConfig": {
        "MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/r", "LocalPath": "/opt/ml/processing/out"}}]
    },
    "JobResources": {
        "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
    },
    "RoleArn": ROLE,
}


@pytest.fixture
def sagemaker(tmp_path: Path) -> Iterator[SageMaker]:
    """With endpoints that capture (`rain`) and do not (`silent`), of an account that may do all."""
    here = SageMaker(Mock(spec=Cloud), tmp_path)
    endpoints = here.state.space(STAGING, REGION)["endpoints"]
    for name, captures in (("rain", True), ("silent", False)):
        endpoints[name] = {"EndpointName": name, "_plan": {"Capture": {"EnableCapture": captures}}}
    with time_machine.travel(CREATED, tick=False):
        yield here


def schedule(*, expression: str = "cron(0 0/6 ? * * *)", **more: Any) -> dict[str, Any]:
    config = {
        "MonitoringJobDefinitionName": "rain-1",
        "MonitoringType": "DataQuality",
        "ScheduleConfig": {"ScheduleExpression": expression},
    }
    return {"MonitoringScheduleName": "rain-monitor", "MonitoringScheduleConfig": config | more}


def scheduled(here: SageMaker, expression: str = "cron(0 0/6 ? * * *)") -> None:
    here.invoke("CreateDataQualityJobDefinition", JOB, CALLER)
    here.invoke("CreateMonitoringSchedule", schedule(expression=expression), CALLER)


def described(here: SageMaker) -> dict[str, Any]:
    return here.invoke("DescribeMonitoringSchedule", {"MonitoringScheduleName": "rain-monitor"}, CALLER)


def refused(here: SageMaker, operation: str, params: dict[str, Any]) -> ApiError:
    with pytest.raises(ApiError) as found:
        here.invoke(operation, params, CALLER)
    return found.value


def test_a_definition_is_kept_as_it_was_given(sagemaker: SageMaker) -> None:
    made = sagemaker.invoke("CreateDataQualityJobDefinition", JOB, CALLER)
    arn = f"arn:aws:sagemaker:{REGION}:{STAGING}:data-quality-job-definition/rain-1"
    assert made == {"JobDefinitionArn": arn}
    found = sagemaker.invoke("DescribeDataQualityJobDefinition", {"JobDefinitionName": "rain-1"}, CALLER)
    assert JOB.items() <= found.items() and found["JobDefinitionArn"] == arn
    (listed,) = sagemaker.invoke("ListDataQualityJobDefinitions", {"EndpointName": "rain"}, CALLER)[
        "JobDefinitionSummaries"
    ]
    assert (listed["MonitoringJobDefinitionName"], listed["EndpointName"]) == ("rain-1", "rain")
    assert refused(sagemaker, "CreateDataQualityJobDefinition", JOB).code == "ResourceInUse"
    sagemaker.invoke("DeleteDataQualityJobDefinition", {"JobDefinitionName": "rain-1"}, CALLER)
    gone = refused(sagemaker, "DescribeDataQualityJobDefinition", {"JobDefinitionName": "rain-1"})
    assert gone.code == "ResourceNotFound"


@pytest.mark.parametrize(
    ("endpoint", "why"), [("silent", "does not have data capture enabled"), ("nowhere", "Could not find")]
)
def test_it_wants_an_endpoint_that_captures(sagemaker: SageMaker, endpoint: str, why: str) -> None:
    source = {"EndpointInput": {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/in"}}
    error = refused(sagemaker, "CreateDataQualityJobDefinition", JOB | {"DataQualityJobInput": source})
    assert error.code == "ValidationException" and why in error.message


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (schedule(expression="cron(0 5 * * ? *)"), "ValidationException"),
        (schedule(expression="rate(1 day)"), "ValidationException"),
        (schedule(expression="cron(0 24 ? * * *)"), "ValidationException"),
        (schedule(MonitoringJobDefinitionName="rain-2"), "ResourceNotFound"),
        (schedule(MonitoringType="ModelBias"), "ValidationException"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(sagemaker: SageMaker, asked: dict[str, Any], code: str) -> None:
    sagemaker.invoke("CreateDataQualityJobDefinition", JOB, CALLER)
    assert refused(sagemaker, "CreateMonitoringSchedule", asked).code == code


def test_an_execution_that_is_due_fails_and_says_why(sagemaker: SageMaker) -> None:
    scheduled(sagemaker)
    assert "LastMonitoringExecutionSummary" not in described(sagemaker)
    with time_machine.travel(datetime(2026, 11, 27, 1, 5, tzinfo=UTC)):
        last = described(sagemaker)["LastMonitoringExecutionSummary"]
        every = sagemaker.invoke(
            "ListMonitoringExecutions", {"MonitoringScheduleName": "rain-monitor"}, CALLER
        )["MonitoringExecutionSummaries"]
    assert last["MonitoringExecutionStatus"] == "Failed" and IMAGE in last["FailureReason"]
    assert [datetime.fromtimestamp(one["ScheduledTime"], UTC).hour for one in every] == [0, 18, 12]
    assert every[0] == last


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ("cron(0 * ? * * *)", [11, 10]),
        ("cron(0 10 ? * * *)", [10]),
        ("cron(0 17/12 ? * * *)", []),
        ("cron(0 1/2 ? * * *)", [11]),
    ],
)
def test_it_is_due_when_its_expression_says(sagemaker: SageMaker, expression: str, hours: list[int]) -> None:
    scheduled(sagemaker, expression)
    with time_machine.travel(CREATED.replace(hour=11, minute=59)):
        found = sagemaker.invoke("ListMonitoringExecutions", {}, CALLER)["MonitoringExecutionSummaries"]
    assert [datetime.fromtimestamp(one["ScheduledTime"], UTC).hour for one in found] == hours


def test_one_that_is_stopped_is_never_due(sagemaker: SageMaker) -> None:
    scheduled(sagemaker)
    sagemaker.invoke("StopMonitoringSchedule", {"MonitoringScheduleName": "rain-monitor"}, CALLER)
    with time_machine.travel(datetime(2026, 11, 27, 1, 5, tzinfo=UTC)):
        found = described(sagemaker)
    assert found["MonitoringScheduleStatus"] == "Stopped" and "LastMonitoringExecutionSummary" not in found


def test_it_is_changed_listed_and_deleted(sagemaker: SageMaker) -> None:
    scheduled(sagemaker)
    sagemaker.invoke("UpdateMonitoringSchedule", schedule(expression="cron(0 * ? * * *)"), CALLER)
    config = described(sagemaker)["MonitoringScheduleConfig"]
    assert config["ScheduleConfig"]["ScheduleExpression"] == "cron(0 * ? * * *)"
    (listed,) = sagemaker.invoke("ListMonitoringSchedules", {"NameContains": "monitor"}, CALLER)[
        "MonitoringScheduleSummaries"
    ]
    assert listed["MonitoringJobDefinitionName"] == "rain-1"
    assert refused(sagemaker, "CreateMonitoringSchedule", schedule()).code == "ResourceInUse"
    sagemaker.invoke("DeleteMonitoringSchedule", {"MonitoringScheduleName": "rain-monitor"}, CALLER)
    gone = refused(sagemaker, "DescribeMonitoringSchedule", {"MonitoringScheduleName": "rain-monitor"})
    assert gone.code == "ResourceNotFound"


def test_each_call_asks_for_the_action_on_that_resource(sagemaker: SageMaker) -> None:
    scheduled(sagemaker)
    asked = {tuple(call.args[1:3]) for call in sagemaker.cloud.authorize.call_args_list}  # type: ignore[attr-defined]
    here = f"arn:aws:sagemaker:{REGION}:{STAGING}"
    assert asked == {
        ("sagemaker:CreateDataQualityJobDefinition", f"{here}:data-quality-job-definition/rain-1"),
        ("sagemaker:CreateMonitoringSchedule", f"{here}:monitoring-schedule/rain-monitor"),
        ("iam:PassRole", ROLE),
    }
