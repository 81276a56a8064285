"""One run of a model's SageMaker pipeline: upload, define, start, and follow until it has ended."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from isthmus import names
from isthmus.build import champion, content, data
from isthmus.config import ModelConfig, Platform
from isthmus.errors import BadInput, Problem

POLL_SECONDS = 0.5
LONGEST_POLL = 15.0
ENDED = ("Succeeded", "Failed", "Stopped")


@dataclass(frozen=True)
class Request:
    """What a run is about: commit, repository, Azure run id, reason (merge or retrain), correlation id."""

    commit: str
    repository: str
    run_id: str
    reason: str
    correlation_id: str


@dataclass
class Result:
    """How a run ended. `model_package_arn` is empty when nothing was registered; `verdict` says why."""

    execution_arn: str
    status: str
    verdict: str
    model_package_arn: str = ""
    evaluation: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[str, str, float]] = field(default_factory=list)


def run(
    platform: Platform,
    config: ModelConfig,
    repository: Path,
    definition: str,
    request: Request,
    say: Callable[[str], None],
) -> Result:
    """Run the pipeline as the caller (the build role), and return how it ended.

    Raises `BadInput` for data or an image that is not there, and `Problem` where a step fails.
    """
    session = boto3.Session(region_name=platform.region)
    arn = start(session, platform, config, repository, definition, request, say)
    say(f"execution {arn}")
    return follow(session, platform, config, arn, say)


def start(
    session: boto3.Session,
    platform: Platform,
    config: ModelConfig,
    repository: Path,
    definition: str,
    request: Request,
    say: Callable[[str], None],
) -> str:
    """Upload what the run needs, bring the pipeline up to date, and start it; returns the execution's ARN.

    Asking again for the same run of Azure DevOps gives the same execution.
    """
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    artifacts, role = names.artifact_bucket(platform), _pipeline_role(platform, config)
    files, rows = content.code(repository), data.collect(s3, names.data_bucket(platform), repository, config)
    data_version = content.version(rows)
    best = champion.in_prod(sagemaker, names.registry_group(config.name))
    say(f"data version {data_version}, {len(rows)} files")
    say(f"champion {best['ModelPackageArn'] if best else 'none'}")
    parameters = {
        "CodeUri": content.upload(s3, artifacts, f"{config.name}/code/{content.version(files)}/", files),
        "DataUri": content.upload(
            s3, names.data_bucket(platform), f"{config.name}/versions/{data_version}/", rows
        ),
        "ChampionUri": champion.stage_champion(s3, artifacts, config.name, best),
        "OutputUri": f"s3://{artifacts}/{config.name}/runs/{request.run_id}",
        "ImageUri": image_uri(session, platform, config),
        "RoleArn": role,
        "KmsKeyId": _key(platform),
        "Commit": request.commit,
        "Repository": request.repository,
        "RunId": request.run_id,
        "DataVersion": data_version,
        "Reason": request.reason,
        "CorrelationId": request.correlation_id,
    }
    upsert(sagemaker, config.name, definition, role)
    answer = sagemaker.start_pipeline_execution(
        PipelineName=config.name,
        PipelineExecutionDisplayName=f"run-{request.run_id}",
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items() if value],
        ClientRequestToken=hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest(),
    )
    return str(answer["PipelineExecutionArn"])


def upsert(sagemaker: Any, name: str, definition: str, role: str) -> None:
    """Create the pipeline, or update it where its definition differs."""
    token = hashlib.sha256(f"{name}{definition}{role}".encode()).hexdigest()
    try:
        current = sagemaker.describe_pipeline(PipelineName=name)
    except sagemaker.exceptions.ResourceNotFound:
        sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=definition, RoleArn=role, ClientRequestToken=token
        )
        return
    if current["PipelineDefinition"] != definition or current["RoleArn"] != role:
        sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=role)


def image_uri(session: boto3.Session, platform: Platform, config: ModelConfig) -> str:
    """The image by digest; raises `BadInput` where its repository has no such tag."""
    repository, _, tag = config.image.partition(":")
    ecr = session.client("ecr")
    missing = BadInput(
        f"there is no image {config.image} in the automation account's ECR",
        where="model.yaml, image",
        todo="build isthmus/container/Dockerfile and push it under that tag",
    )
    try:
        answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag or "latest"}])
    except ecr.exceptions.RepositoryNotFoundException:
        raise missing from None
    if not answer["images"]:
        raise missing
    registry = f"{platform.accounts.automation}.dkr.ecr.{platform.region}.amazonaws.com"
    return f"{registry}/{repository}@{answer['images'][0]['imageId']['imageDigest']}"


def follow(
    session: boto3.Session, platform: Platform, config: ModelConfig, arn: str, say: Callable[[str], None]
) -> Result:
    """Say each step's status as it changes, and return how the execution ended.

    Raises `Problem` for a failed step, with its reason and the end of its log.
    """
    sagemaker = session.client("sagemaker")
    told: dict[str, str] = {}
    pause = POLL_SECONDS
    while True:
        status = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        steps = _steps(sagemaker, arn)
        changed = [step for step in steps if told.get(step["StepName"]) != step["StepStatus"]]
        for step in changed:
            told[step["StepName"]] = step["StepStatus"]
            say(_told(step))
        if status in ENDED:
            return _result(session, platform, config, arn, status, steps)
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


def _result(
    session: boto3.Session,
    platform: Platform,
    config: ModelConfig,
    arn: str,
    status: str,
    steps: list[dict[str, Any]],
) -> Result:
    timed = [(step["StepName"], step["StepStatus"], round(_seconds(step), 2)) for step in steps]
    failed = [
        step for step in steps if step["StepStatus"] == "Failed" and "Fail" not in step.get("Metadata", {})
    ]
    if failed:
        raise Problem(
            f"step {failed[0]['StepName']} failed: {failed[0].get('FailureReason', 'no reason given')}",
            where=arn,
            todo=_log_tail(session, failed[0]),
        )
    evaluation = _evaluation(session, arn, steps)
    registered = [
        step["Metadata"]["RegisterModel"]["Arn"]
        for step in steps
        if "RegisterModel" in step.get("Metadata", {})
    ]
    verdict = evaluation.get("verdict", f"the execution ended as {status}")
    return Result(arn, status, verdict, registered[0] if registered else "", evaluation, timed)


def _evaluation(session: boto3.Session, arn: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """What the evaluate step wrote, wherever its output lies."""
    sagemaker, s3 = session.client("sagemaker"), session.client("s3")
    for step in steps:
        job = step.get("Metadata", {}).get("ProcessingJob", {}).get("Arn")
        if not job or step["StepName"] != "Evaluate":
            continue
        described = sagemaker.describe_processing_job(ProcessingJobName=job.rsplit("/", 1)[-1])
        for output in described["ProcessingOutputConfig"]["Outputs"]:
            bucket, _, prefix = output["S3Output"]["S3Uri"].removeprefix("s3://").partition("/")
            body = s3.get_object(Bucket=bucket, Key=f"{prefix}/evaluation.json")["Body"].read()
            found: dict[str, Any] = json.loads(body)
            return found
    return {}


def _log_tail(session: boto3.Session, step: dict[str, Any], lines: int = 15) -> str:
    """The end of the failed job's log, if the caller may read it."""
    from botocore.exceptions import ClientError

    for noun, group in (("ProcessingJob", "ProcessingJobs"), ("TrainingJob", "TrainingJobs")):
        arn = step.get("Metadata", {}).get(noun, {}).get("Arn")
        if not arn:
            continue
        logs, name = session.client("logs"), f"/aws/sagemaker/{group}"
        try:
            streams = logs.describe_log_streams(logGroupName=name, logStreamNamePrefix=arn.rsplit("/", 1)[-1])
            events = [
                event["message"]
                for stream in streams["logStreams"]
                for event in logs.get_log_events(logGroupName=name, logStreamName=stream["logStreamName"])[
                    "events"
                ]
            ]
        except ClientError as error:
            return f"its log could not be read: {error}"
        return "the end of its log:\n" + "\n".join(events[-lines:])
    return ""


def _pipeline_role(platform: Platform, config: ModelConfig) -> str:
    return names.role_arn(platform.accounts.automation, names.pipeline_role(platform, config.name))


def _key(platform: Platform) -> str:
    return f"arn:aws:kms:{platform.region}:{platform.accounts.automation}:{names.key_alias(platform)}"
