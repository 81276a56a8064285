"""Pipelines of SageMaker and of Azure DevOps, and the executions that the latter start."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.config import Platform

PIPELINE_FOLDER = "\\"
"""Where our pipelines are: Azure DevOps lets another folder have one of the same name."""

PROPOSALS = "isthmus"
"""The folder of branches that jobs propose changes of the platform on."""


def build_pipeline(model: str) -> str:
    return f"{model}-build"


def pull_request_pipeline(model: str) -> str:
    return f"{model}-pull-request"


def deploy_pipeline(model: str) -> str:
    return f"{model}-deploy"


def deploy_check_pipeline(model: str) -> str:
    """What checks a pull request of the deploy repository."""
    return f"{model}-deploy-check"


def lease_owner(platform: Platform, model: str, stage: str) -> str:
    """By whom the runs are kept that brought about what serves a stage."""
    return f"isthmus:{platform.name}:{model}:{stage}"


INFRASTRUCTURE_PIPELINE = "infrastructure"

PLATFORM_PULL_REQUEST_PIPELINE = "platform-pull-request"


def execution(run_id: str) -> str:
    """What an execution of a SageMaker pipeline is called that a run in Azure DevOps has started."""
    return f"run-{run_id}"


def monitor_pipeline(model: str) -> str:
    return f"{model}-monitor"


def quality_schedule(model: str) -> str:
    """Serving: Model Monitor's schedule for quality; that for data is named as the monitor pipeline."""
    return f"{model}-quality"


def batch_pipeline(model: str) -> str:
    """Serving: the SageMaker pipeline that has a version answer files."""
    return f"{model}-batch"


BATCH_KEY = "Key"
"""The parameter of the batch pipeline: the key of a file in the capture bucket, or a prefix of files."""
