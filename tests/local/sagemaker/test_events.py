"""What SageMaker says on the account's event bus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.executor.definitions import definition, processing
from tests.local.sagemaker.conftest import AUTOMATION, REGION, Aws, until
from tests.local.sagemaker.test_endpoints import configured, created
from tests.local.sagemaker.test_registry import group, register

PIPELINE = "SageMaker Model Building Pipeline Execution"


class Bus:
    """All aws.sagemaker events of the automation account, as a queue gets them."""

    def __init__(self, aws: Aws) -> None:
        self.sqs = aws.client("sqs")
        target = f"arn:aws:sqs:{REGION}:{AUTOMATION}:sagemaker-events"
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": target,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        made = self.sqs.create_queue(QueueName="sagemaker-events", Attributes={"Policy": policy})
        self.queue = made["QueueUrl"]
        rules = aws.client("events")
        rules.put_rule(Name="sagemaker", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
        rules.put_targets(Rule="sagemaker", Targets=[{"Id": "queue", "Arn": target}])
        self.seen: list[dict[str, Any]] = []

    def await_(self, count: int, **wanted: Any) -> list[dict[str, Any]]:
        """The first `count` events with these top-level members or members of the detail."""

        def matching() -> list[dict[str, Any]]:
            received = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            for message in received.get("Messages", []):
                self.seen.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            return [
                event
                for event in self.seen
                if all({**event, **event["detail"]}.get(key.replace("_", "-")) == value
                       for key, value in wanted.items())
            ]  # fmt: skip

        found: list[dict[str, Any]] = until(matching, lambda found: len(found) >= count)
        return found


@pytest.fixture(scope="module")
def bus(aws: Aws) -> Bus:
    return Bus(aws)


def test_of_a_model_package(aws: Aws, bus: Bus) -> None:
    sagemaker = group(aws, "told")
    arn = register(aws, "told")
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="d"
    )
    stage = {"Stage": "staging", "StageStatus": "InService"}
    sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle=stage)
    made, approved, staged = bus.await_(3, ModelPackageArn=arn)
    assert (made["detail-type"], made["resources"]) == ("SageMaker Model Package State Change", [arn])
    assert (made["source"], made["account"], made["region"]) == ("aws.sagemaker", AUTOMATION, REGION)
    assert made["detail"]["ModelApprovalStatus"] == "PendingManualApproval"
    assert made["detail"]["ModelPackageVersion"] == 1
    assert "UpdatedModelPackageFields" not in made["detail"]
    assert approved["detail"]["ModelApprovalStatus"] == "Approved"
    assert approved["detail"]["UpdatedModelPackageFields"] == ["ApprovalDescription", "ModelApprovalStatus"]
    assert staged["detail"]["ModelApprovalStatus"] == "Approved"
    assert staged["detail"]["UpdatedModelPackageFields"] == ["ModelLifeCycle"]
    assert staged["detail"]["ModelLifeCycle"] == stage


def test_of_an_execution_its_steps_and_jobs(aws: Aws, bus: Bus) -> None:
    code = aws.upload("code/told.py", "print('done')")
    sagemaker = aws.client("sagemaker")
    document = json.dumps(definition(processing("Quick", code, image=aws.image)))
    role = f"arn:aws:iam::{AUTOMATION}:role/pipeline"
    pipeline = sagemaker.create_pipeline(PipelineName="told", PipelineDefinition=document, RoleArn=role)
    arn = sagemaker.start_pipeline_execution(PipelineName="told")["PipelineExecutionArn"]
    aws.finished(arn)
    started, ended = bus.await_(2, pipelineExecutionArn=arn, detail_type=f"{PIPELINE} Status Change")
    assert started["resources"] == [pipeline["PipelineArn"], arn]
    assert started["detail"]["currentPipelineExecutionStatus"] == "Executing"
    assert ended["detail"]["previousPipelineExecutionStatus"] == "Executing"
    assert ended["detail"]["currentPipelineExecutionStatus"] == "Succeeded"
    assert ended["detail"]["executionEndTime"].endswith("Z")
    _, done = bus.await_(2, pipelineExecutionArn=arn, detail_type=f"{PIPELINE} Step Status Change")
    assert (done["detail"]["stepName"], done["detail"]["stepType"]) == ("Quick", "Processing")
    assert done["detail"]["currentStepStatus"] == "Succeeded"
    job = done["detail"]["metadata"]["processingJob"]["arn"]
    begun, completed = bus.await_(2, ProcessingJobArn=job)
    assert (begun["detail"]["ProcessingJobStatus"], completed["detail"]["ProcessingJobStatus"]) == (
        "InProgress",
        "Completed",
    )
    assert completed["detail"]["ProcessingEndTime"] > 1_600_000_000_000


def test_of_an_endpoint(aws: Aws, bus: Bus) -> None:
    found = created(aws, "told", configured(aws, "told"))
    creating, serving = bus.await_(2, EndpointArn=found["EndpointArn"])
    assert creating["detail-type"] == "SageMaker Endpoint State Change"
    assert [event["detail"]["EndpointStatus"] for event in (creating, serving)] == ["CREATING", "IN_SERVICE"]
    assert isinstance(serving["detail"]["CreationTime"], int)
    assert serving["detail"]["ProductionVariants"][0]["VariantName"] == "told"
