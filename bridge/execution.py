"""An execution of a SageMaker pipeline as it is now: its status, its steps, and whether it did its work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.aws import client

# The statuses of an execution that goes on no more.
ENDED = ("Succeeded", "Failed", "Stopped")


@dataclass(frozen=True)
class Step:
    name: str
    status: str
    seconds: float | None

    @property
    def line(self) -> str:
        return f"{self.name:<14} {self.status}{'' if self.seconds is None else f' {self.seconds:.1f} s'}"


@dataclass(frozen=True)
class Execution:
    """`verdict`: a Fail step ended it, which is an answer (the model is not good enough) and no failure."""

    status: str
    steps: tuple[Step, ...]
    verdict: bool

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def result(self) -> str:
        """What a job is told that waits for it."""
        good = self.status == "Succeeded" or (self.status == "Failed" and self.verdict)
        return "succeeded" if good else "failed"


def name_of(run: str) -> str:
    """What an execution is called that the run has started."""
    return f"run-{run}"


def display_name(arn: str) -> str | None:
    """What the execution is called; None where there is no such execution."""
    sagemaker = client("sagemaker")
    try:
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    except sagemaker.exceptions.ResourceNotFound:
        return None
    return str(found.get("PipelineExecutionDisplayName", ""))


def hours(model: str, called: Collection[str], since: datetime) -> float:
    """How long the steps of the model's executions took that are called so and have begun since then."""
    pages = (
        client("sagemaker")
        .get_paginator("list_pipeline_executions")
        .paginate(PipelineName=model, CreatedAfter=since)
    )
    found = [one for page in pages for one in page["PipelineExecutionSummaries"]]
    looked = [
        look(one["PipelineExecutionArn"])
        for one in found
        if one.get("PipelineExecutionDisplayName") in called
    ]
    return sum(step.seconds or 0.0 for one in looked for step in one.steps) / 3600


def look(arn: str) -> Execution:
    """The execution, asked of SageMaker now."""
    # The status first: steps that are seen after the end are all there will be.
    status = client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)[
        "PipelineExecutionStatus"
    ]
    pages = (
        client("sagemaker")
        .get_paginator("list_pipeline_execution_steps")
        .paginate(PipelineExecutionArn=arn, SortOrder="Ascending")
    )
    steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
    return Execution(
        str(status),
        tuple(Step(one["StepName"], one["StepStatus"], _seconds(one)) for one in steps),
        any("Fail" in one.get("Metadata", {}) for one in steps),
    )


def _seconds(step: dict[str, Any]) -> float | None:
    if "EndTime" not in step:
        return None
    return float((step["EndTime"] - step["StartTime"]).total_seconds())
