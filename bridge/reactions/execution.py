"""An execution of a SageMaker pipeline went on, or a job began to wait for one: the job is tended."""

from __future__ import annotations

import re

from bridge.envelope import Envelope, Refused
from bridge.execution import ENDED
from bridge.tend import tend
from bridge.trace import Trace


def react(event: Envelope, trace: Trace) -> None:
    """Every execution of the account comes by; those that no job waits for leave no line."""
    event.of_account(event.told.automation_account)
    arn = event.text("pipelineExecutionArn", 2048)
    pipelines = re.escape(f"arn:aws:sagemaker:{event.told.region}:{event.account}:pipeline/")
    found = re.fullmatch(rf"{pipelines}([A-Za-z0-9-]+)/execution/[A-Za-z0-9]+", arn)
    if not found:
        raise Refused("the execution's ARN is not one of this account")
    event.about(arn)
    trace.about("execution", found[1], execution_arn=arn)
    tend(arn, trace, ended=event.detail.get("currentPipelineExecutionStatus", "") in ENDED)
