"""Starts a stage's monitor pipeline now, follows it, and reads what it found."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from isthmus import names
from isthmus.errors import NotFound, Problem

if TYPE_CHECKING:
    import boto3

POLL_FIRST, POLL_LONGEST = 0.2, 5.0


def start(session: boto3.Session, model: str, token: str | None = None) -> str:
    """Start the monitor; the same `token` starts it once. Returns the execution's ARN."""
    sagemaker = session.client("sagemaker")
    try:
        answer = sagemaker.start_pipeline_execution(
            PipelineName=names.monitor_pipeline(model), ClientRequestToken=token or str(uuid.uuid4())
        )
    except sagemaker.exceptions.ClientError as error:
        # One that is not there has no tags, by which an operator may start it.
        if error.response["Error"]["Code"] not in ("AccessDeniedException", "ResourceNotFound"):
            raise
        raise NotFound(
            f"{model} has no monitor in this account that you may start",
            todo="it is deployed with the model, but for a serverless endpoint: isthmus status",
        ) from None
    return str(answer["PipelineExecutionArn"])


def wait(session: boto3.Session, arn: str) -> None:
    """Wait until the execution has ended; raises `Problem` with the reason where it failed."""
    sagemaker, pause = session.client("sagemaker"), POLL_FIRST
    while True:
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        status = found["PipelineExecutionStatus"]
        if status == "Succeeded":
            return
        if status in ("Failed", "Stopped"):
            reason = _reason(sagemaker, arn) or found.get("FailureReason", "no reason given")
            raise Problem(f"the monitor ended as {status}: {reason}", where=arn)
        time.sleep(pause)
        pause = min(POLL_LONGEST, pause * 1.2)


def _reason(sagemaker: Any, arn: str) -> str:
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    reasons: list[str] = [step["FailureReason"] for step in steps if step.get("FailureReason")]
    return reasons[0] if reasons else ""
