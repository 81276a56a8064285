"""Ending what runs and costs by the minute: pipelines, jobs, Spark. It is ours if it acts as a role of ours.

Endpoints are their stacks' to end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from isthmus.infra.administrator import Client
from isthmus.infra.change import poll
from isthmus.infra.destroy.owned import is_tagged
from isthmus.infra.destroy.step import Step, gone_is_good

# Those that scientists start themselves; those of pipelines end with them.
JOBS = ("TrainingJob", "ProcessingJob")
OPERATIONS = {"TrainingJob": "training_job", "ProcessingJob": "processing_job"}
MOVING = ("InProgress", "Executing", "Stopping")
AT_REST = ("CREATED", "STOPPED", "TERMINATED")
RUNS = ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED"]
SESSIONS = ["SUBMITTED", "STARTING", "STARTED", "IDLE", "BUSY"]


@dataclass(frozen=True)
class StopJob:
    kind: str
    name: str

    @property
    def summary(self) -> str:
        return f"- running {OPERATIONS[self.kind].replace('_', ' ')} {self.name}"

    def carry_out(self, client: Client) -> None:
        sagemaker, this, noun = client("sagemaker"), {f"{self.kind}Name": self.name}, OPERATIONS[self.kind]

        def status() -> str:
            return str(getattr(sagemaker, f"describe_{noun}")(**this)[f"{self.kind}Status"])

        # It may have ended meanwhile, by itself or with its pipeline, and what ended cannot be stopped.
        if status() == "InProgress":
            getattr(sagemaker, f"stop_{noun}")(**this)
        poll(status, lambda found: found not in MOVING)


@dataclass(frozen=True)
class StopExecution:
    """Of a SageMaker pipeline, with the jobs that it started."""

    arn: str

    @property
    def summary(self) -> str:
        return f"- running execution {self.arn.rsplit('/', 1)[-1]} of SageMaker pipeline {self.pipeline}"

    @property
    def pipeline(self) -> str:
        return self.arn.split("/")[1]

    def carry_out(self, client: Client) -> None:
        sagemaker, this = client("sagemaker"), {"PipelineExecutionArn": self.arn}

        def status() -> str:
            return str(sagemaker.describe_pipeline_execution(**this)["PipelineExecutionStatus"])

        if status() == "Executing":
            sagemaker.stop_pipeline_execution(**this)
        poll(status, lambda found: found not in MOVING)


@dataclass(frozen=True)
class StopSpark:
    """An EMR Serverless application, which CloudFormation cannot delete while it runs."""

    id: str
    name: str

    @property
    def summary(self) -> str:
        return f"- running EMR Serverless application {self.name}, with what runs in it"

    def carry_out(self, client: Client) -> None:
        emr, this = client("emr-serverless"), {"applicationId": self.id}
        for page in emr.get_paginator("list_job_runs").paginate(**this, states=RUNS):
            for run in page["jobRuns"]:
                emr.cancel_job_run(**this, jobRunId=run["id"])
        for page in emr.get_paginator("list_sessions").paginate(**this, states=SESSIONS):
            for session in page["sessions"]:
                emr.terminate_session(**this, sessionId=session["sessionId"])
        emr.stop_application(**this)
        poll(
            lambda: emr.get_application(**this)["application"]["state"],
            lambda state: state in AT_REST,
        )


@dataclass(frozen=True)
class EndGlueSession:
    id: str

    @property
    def summary(self) -> str:
        return f"- Glue session {self.id}"

    def carry_out(self, client: Client) -> None:
        glue, this = client("glue"), {"Id": self.id}
        with gone_is_good():
            glue.stop_session(**this)
            poll(
                lambda: glue.get_session(**this)["Session"]["Status"],
                lambda status: status not in ("PROVISIONING", "READY", "STOPPING"),
            )
            glue.delete_session(**this)


def running(client: Client, platform: str) -> Iterator[Step]:
    """What runs as a role of the platform's: executions before jobs, because they start jobs."""

    @cache
    def is_ours(role: str) -> bool:
        iam = client("iam")
        try:
            found = iam.get_role(RoleName=role.rsplit("/", 1)[-1])["Role"]
        except iam.exceptions.NoSuchEntityException:
            return False
        return is_tagged(found.get("Tags", []), platform)

    sagemaker = client("sagemaker")
    for pipeline in _all(sagemaker, "list_pipelines", "PipelineSummaries"):
        if is_ours(pipeline["RoleArn"]):
            yield from _executions(client, pipeline["PipelineName"])
    for kind in JOBS:
        yield from (job for job, role in _jobs(sagemaker, kind) if is_ours(role))
    yield from _spark(client, platform)
    yield from (EndGlueSession(one["Id"]) for one in _glue_sessions(client) if is_ours(one["Role"]))


def executions_of(client: Client, pipeline: str, platform: str) -> list[StopExecution]:
    """Those that run of the platform's pipeline of that name; none where it is another's, or not there."""
    sagemaker = client("sagemaker")
    with gone_is_good():
        arn = sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineArn"]
        if is_tagged(_all(sagemaker, "list_tags", "Tags", ResourceArn=arn), platform):
            return _executions(client, pipeline)
    return []


def _executions(client: Client, pipeline: str) -> list[StopExecution]:
    """Those of the pipeline that run; none where it went since it was listed."""
    which = {"PipelineName": pipeline}
    with gone_is_good():
        found = _all(client("sagemaker"), "list_pipeline_executions", "PipelineExecutionSummaries", **which)
        running = [one for one in found if one["PipelineExecutionStatus"] in MOVING]
        return [StopExecution(one["PipelineExecutionArn"]) for one in running]
    return []


def _jobs(sagemaker: Any, kind: str) -> Iterator[tuple[StopJob, str]]:
    """Each job that runs, and the role that it runs as."""
    operation, name = OPERATIONS[kind], f"{kind}Name"
    for one in _all(sagemaker, f"list_{operation}s", f"{kind}Summaries", StatusEquals="InProgress"):
        found = getattr(sagemaker, f"describe_{operation}")(**{name: one[name]})
        yield StopJob(kind, one[name]), found["RoleArn"]


def _spark(client: Client, platform: str) -> Iterator[StopSpark]:
    emr = client("emr-serverless")
    for one in _all(emr, "list_applications", "applications"):
        if one["state"] in AT_REST:
            continue
        tags = emr.list_tags_for_resource(resourceArn=one["arn"])["tags"]
        if tags.get("platform") == platform:
            yield StopSpark(one["id"], one["name"])


def _glue_sessions(client: Client) -> Iterator[dict[str, Any]]:
    glue = client("glue")
    more: dict[str, str] = {}
    while True:
        page = glue.list_sessions(**more)
        yield from page.get("Sessions", [])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def _all(service: Any, operation: str, key: str, **which: str) -> list[dict[str, Any]]:
    return [one for page in service.get_paginator(operation).paginate(**which) for one in page[key]]
