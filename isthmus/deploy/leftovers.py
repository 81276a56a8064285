"""What no longer serves: endpoint configurations, models, a batch pipeline; deleted once what follows does.

CloudFormation keeps what a deployment replaces (`UpdateReplacePolicy: Retain`), because SageMaker may go back
to it in silence, and an endpoint whose configuration is gone can never be updated again
(hashicorp/terraform-provider-aws 48997). So whoever deploys deletes it, when it is known what runs.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from isthmus.infra.change import poll

# A batch transform that has begun has all that it needs of its model within this; how long it takes, its
# files decide.
PATIENCE_SECONDS = 600.0


def delete(sagemaker: Any, found: set[str], keep: set[str]) -> list[str]:
    """Delete configurations with their models, and models; but nothing in `keep` and no model of theirs.

    Gives the names of what is gone.
    """
    kept = keep | {model for config in keep - {""} for model in _models(sagemaker, config) or ()}
    gone = []
    for config in sorted(found - keep - {""}):
        models = _models(sagemaker, config)
        # What serves without an endpoint of its own, serves by a model.
        for model in sorted(({config} if models is None else models) - kept):
            if _delete_model(sagemaker, model):
                gone.append(model)
        # Last: whoever goes on where this was killed finds by it which models there were.
        if models is not None:
            sagemaker.delete_endpoint_config(EndpointConfigName=config)
            gone.append(config)
    return gone


def _models(sagemaker: Any, config: str) -> set[str] | None:
    """The models of a configuration; None where there is none of that name."""
    try:
        found = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return None
    variants = [*found["ProductionVariants"], *found.get("ShadowProductionVariants", [])]
    return {one["ModelName"] for one in variants if "ModelName" in one}


def _delete_model(sagemaker: Any, model: str) -> bool:
    """Whether it was there."""
    try:
        sagemaker.delete_model(ModelName=model)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return False
    return True


def drain(sagemaker: Any, pipeline: str, since: datetime) -> None:
    """Wait for what a batch pipeline began before `since`, by a model that is to be deleted; not for ever."""
    deadline = time.monotonic() + PATIENCE_SECONDS

    def over() -> bool:
        asked = {"PipelineName": pipeline, "CreatedBefore": since, "SortOrder": "Descending"}
        try:
            newest = sagemaker.list_pipeline_executions(**asked, MaxResults=100)["PipelineExecutionSummaries"]
        except sagemaker.exceptions.ResourceNotFound:
            return True
        return all(one["PipelineExecutionStatus"] not in ("Executing", "Stopping") for one in newest)

    poll(over, lambda ended: ended or time.monotonic() > deadline)


def delete_batch(sagemaker: Any, pipeline: str) -> str:
    """Delete a batch pipeline that no stack has any more; says what came of it, nothing where none was.

    SageMaker deletes none that runs: CloudFormation says so among its events, and goes on without.
    """
    try:
        sagemaker.delete_pipeline(PipelineName=pipeline)
    except sagemaker.exceptions.ResourceNotFound:
        return ""
    except sagemaker.exceptions.ConflictException:
        return f"{pipeline}: still answers files; the next deployment deletes it"
    return f"{pipeline}: deleted, it serves no more"
