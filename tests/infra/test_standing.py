"""What stands in an account, where others work in it meanwhile or call things as we do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from isthmus.infra.destroy.running import StopExecution, executions_of
from isthmus.infra.standing import Standing, standing
from tests.cdk.conftest import CHECKOUT, read_platform

MODEL = "seattle-rain"
ARN = f"arn:aws:sagemaker:eu-west-1:222233334444:pipeline/{MODEL}"
RUNS = f"{ARN}/execution/abcdefghijkl"


@pytest.fixture
def stubbed() -> Iterator[Any]:
    """A client of a service, and what says what it is answered; all of it must have been asked for."""
    stubs: list[Stubber] = []

    def stub(service: str) -> tuple[Any, Stubber]:
        session = boto3.Session("a", "a", region_name="eu-west-1")
        client = session.client(service)  # type: ignore[call-overload]
        stubs.append(Stubber(client))
        stubs[-1].activate()
        return client, stubs[-1]

    yield stub
    for one in stubs:
        one.assert_no_pending_responses()


def test_a_stack_that_goes_between_list_and_description_does_not_stand(stubbed: Any) -> None:
    cfn, answers = stubbed("cloudformation")
    stacks = [
        {"StackName": name, "StackStatus": "CREATE_COMPLETE", "CreationTime": datetime.now(UTC)}
        for name in ("isthmus-prod-gone", "isthmus-prod")
    ]
    answers.add_response("list_stacks", {"StackSummaries": stacks})
    answers.add_client_error("describe_stacks", "ValidationError", "Stack with id ... does not exist")
    answers.add_response("describe_stacks", {"Stacks": [stacks[1]]})
    platform = read_platform(CHECKOUT / "platform.yaml")
    assert standing(cfn, platform, "prod") == [Standing("isthmus-prod", "account")]


@pytest.mark.parametrize("owner", ["isthmus", "isthmus-two", None])
def test_another_platforms_pipeline_of_a_models_name_runs_on(stubbed: Any, owner: str | None) -> None:
    sagemaker, answers = stubbed("sagemaker")
    answers.add_response("describe_pipeline", {"PipelineArn": ARN}, {"PipelineName": MODEL})
    tags = [{"Key": "platform", "Value": owner}] if owner else []
    answers.add_response("list_tags", {"Tags": tags}, {"ResourceArn": ARN})
    if owner == "isthmus":
        run = {"PipelineExecutionArn": RUNS, "PipelineExecutionStatus": "Executing"}
        answers.add_response("list_pipeline_executions", {"PipelineExecutionSummaries": [run]})
    found = executions_of(lambda _: sagemaker, MODEL, "isthmus")
    assert found == ([StopExecution(RUNS)] if owner == "isthmus" else [])
