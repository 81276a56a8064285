"""Following an execution of a pipeline until it has ended, and saying how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isthmus.build.reason import explain
from isthmus.errors import Problem
from isthmus.s3 import read_object

if TYPE_CHECKING:
    import boto3

POLL_SECONDS = 0.3
LONGEST_POLL = 15.0
ENDED = ("Succeeded", "Failed", "Stopped")
LOG_LINES, LOG_PAUSES = 15, (0.2, 0.5, 1.0, 2.0, 4.0)


@dataclass
class Result:
    """How a run ended. `model_package_arn` is empty when nothing was registered; `verdict` says why."""

    execution_arn: str
    status: str
    verdict: str
    model_package_arn: str = ""
    evaluation: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[str, str, float]] = field(default_factory=list)


def follow(session: boto3.Session, arn: str, say: Callable[[str], None]) -> Result:
    """Say each step's status as it changes, and return how the execution ended.

    A Fail step is an answer, not a failure: its message is the verdict.
    Raises `Problem` for a failed step, with its reason and the end of its log.
    """
    sagemaker = session.client("sagemaker")
    told: dict[str, str] = {}
    pause = POLL_SECONDS
    while True:
        execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        steps = _steps(sagemaker, arn)
        changed = [step for step in steps if told.get(step["StepName"]) != step["StepStatus"]]
        for step in changed:
            told[step["StepName"]] = step["StepStatus"]
            say(_told(step))
        if execution["PipelineExecutionStatus"] in ENDED:
            return _result(session, execution, steps)
        # Poll often while something happens, seldom while a long job runs.
        pause = POLL_SECONDS if changed else min(pause * 1.2, LONGEST_POLL)
        time.sleep(pause)


def _steps(sagemaker: Any, arn: str) -> list[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    return [step for page in pages for step in page["PipelineExecutionSteps"]]


def _told(step: dict[str, Any]) -> str:
    seconds = f" {_seconds(step):.1f} s" if "EndTime" in step else ""
    return f"{step['StepName']:<14} {step['StepStatus']}{seconds}"


def _seconds(step: dict[str, Any]) -> float:
    return float((step["EndTime"] - step["StartTime"]).total_seconds()) if "EndTime" in step else 0.0


def _result(session: boto3.Session, execution: dict[str, Any], steps: list[dict[str, Any]]) -> Result:
    arn, status = execution["PipelineExecutionArn"], execution["PipelineExecutionStatus"]
    timed = [(step["StepName"], step["StepStatus"], round(_seconds(step), 2)) for step in steps]
    said = [step["Metadata"]["Fail"]["ErrorMessage"] for step in steps if "Fail" in step.get("Metadata", {})]
    if status == "Failed" and not said:
        raise _failure(session, execution, steps)
    if status == "Stopped":
        return Result(arn, status, "stopped before it ended", steps=timed)
    evaluation = _evaluation(session, steps)
    registered = [
        step["Metadata"]["RegisterModel"]["Arn"]
        for step in steps
        if "RegisterModel" in step.get("Metadata", {})
    ]
    verdict = said[0] if said else evaluation.get("verdict", f"the execution ended as {status}")
    return Result(arn, status, verdict, registered[0] if registered else "", evaluation, timed)


def _failure(session: boto3.Session, execution: dict[str, Any], steps: list[dict[str, Any]]) -> Problem:
    arn = execution["PipelineExecutionArn"]
    failed = [step for step in steps if step["StepStatus"] == "Failed"]
    if not failed:
        return Problem(
            f"the execution failed: {execution.get('FailureReason', 'no reason given')}", where=arn
        )
    reason, todo = explain(failed[0].get("FailureReason", "no reason given"))
    shown = _log_tail(session, failed[0])
    return Problem(
        f"step {failed[0]['StepName']} failed: {reason}",
        where=arn,
        todo="\n".join(filter(None, (todo, shown))),
    )


def _evaluation(session: boto3.Session, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """What the step with an output called `evaluation` wrote, wherever that lies; empty if none did."""
    sagemaker, s3 = session.client("sagemaker"), session.client("s3")
    for step in reversed(steps):
        job = step.get("Metadata", {}).get("ProcessingJob", {}).get("Arn")
        if not job or step["StepStatus"] != "Succeeded":
            continue
        described = sagemaker.describe_processing_job(ProcessingJobName=job.rsplit("/", 1)[-1])
        for output in described.get("ProcessingOutputConfig", {}).get("Outputs", []):
            if output["OutputName"] == "evaluation":
                uri = f"{output['S3Output']['S3Uri']}/evaluation.json"
                found: dict[str, Any] = json.loads(read_object(s3, uri))
                return found
    return {}


def _log_tail(session: boto3.Session, step: dict[str, Any]) -> str:
    """The end of the failed job's log, if the caller may read it."""
    from botocore.exceptions import ClientError

    for noun in ("ProcessingJob", "TrainingJob"):
        arn = step.get("Metadata", {}).get(noun, {}).get("Arn")
        if arn:
            group = f"/aws/sagemaker/{noun}s"
            try:
                job = _job_name(session, noun, arn)
                lines = _log_lines(session.client("logs"), group, job)
            except ClientError as error:
                return f"its log could not be read: {error.response['Error']['Message']}"
            return "the end of its log:\n" + "\n".join(lines) if lines else f"see its log: {group}, {job}"
    return ""


def _job_name(session: boto3.Session, noun: str, arn: str) -> str:
    """The job's name as its log is called; an ARN has it in lower case."""
    name = arn.rsplit("/", 1)[-1]
    sagemaker = session.client("sagemaker")
    if noun == "ProcessingJob":
        return str(sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobName"])
    return str(sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobName"])


def _log_lines(logs: Any, group: str, job: str) -> list[str]:
    """The last lines of a job's log; what a job says last arrives a little after it has ended."""
    for pause in LOG_PAUSES:
        time.sleep(pause)
        try:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job)["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            continue
        pages = [
            logs.get_log_events(logGroupName=group, logStreamName=one["logStreamName"])["events"]
            for one in streams
        ]
        lines = [event["message"] for events in pages for event in events]
        if lines:
            return lines[-LOG_LINES:]
    return []
