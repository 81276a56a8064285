"""Stopping what a cancelled run has started, found by the run's number, which the executions' names carry."""

from __future__ import annotations

import hashlib

import boto3

from isthmus import names
from isthmus.config import Platform

# The newest executions of the pipeline: what goes on is among them.
LOOK_BACK = 100


def stop(platform: Platform, model: str, run_id: str) -> list[str]:
    """Stop them as the caller (the build role), and return their ARNs; none where nothing goes on."""
    sagemaker = boto3.Session(region_name=platform.region).client("sagemaker")
    try:
        listed = sagemaker.list_pipeline_executions(
            PipelineName=model, SortBy="CreationTime", SortOrder="Descending", MaxResults=LOOK_BACK
        )["PipelineExecutionSummaries"]
    except sagemaker.exceptions.ResourceNotFound:
        return []
    going_on = [
        one["PipelineExecutionArn"]
        for one in listed
        if one.get("PipelineExecutionDisplayName") == names.execution(run_id)
        and one["PipelineExecutionStatus"] == "Executing"
    ]
    for arn in going_on:
        sagemaker.stop_pipeline_execution(
            PipelineExecutionArn=arn, ClientRequestToken=hashlib.sha256(f"stop {arn}".encode()).hexdigest()
        )
    return going_on
