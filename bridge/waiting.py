"""The jobs of Azure DevOps that wait for an execution in SageMaker, in a table of their own.

Each is remembered by the execution until it was told how that ended. Of the job's token nothing is kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from bridge.aws import client
from bridge.settings import settings

# Azure DevOps waits three days for a task to be completed, and SageMaker five for a job to end.
REMEMBER_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Job:
    """A task of a job without an agent, by its ids; `told` are the steps' statuses that its log shows."""

    execution: str
    build: str
    project: str
    plan: str
    timeline: str
    job: str
    task: str
    told: dict[str, str] = field(default_factory=dict)


def remember(job: Job) -> None:
    """From now on the job waits; said twice, it is as if it were said once."""
    item = {key: {"S": value} for key, value in asdict(job).items() if key != "told"}
    item |= {"id": {"S": job.execution}, "told": {"S": "{}"}}
    item["expiration"] = {"N": str(int(time.time()) + REMEMBER_SECONDS)}
    try:
        client("dynamodb").put_item(
            TableName=settings().waiting_table,
            Item=item,
            ConditionExpression="attribute_not_exists(id) OR task <> :task",
            ExpressionAttributeValues={":task": {"S": job.task}},
        )
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        return


def find(execution: str) -> Job | None:
    """The job that waits for the execution, if one does."""
    found = client("dynamodb").get_item(
        TableName=settings().waiting_table, Key={"id": {"S": execution}}, ConsistentRead=True
    )
    return _job(found["Item"]) if "Item" in found else None


def pages(size: int) -> Iterator[list[Job]]:
    """All jobs that wait, so many at a time."""
    scan = client("dynamodb").get_paginator("scan")
    for page in scan.paginate(TableName=settings().waiting_table, Limit=size):
        yield [_job(item) for item in page["Items"]]


def tell(job: Job, statuses: dict[str, str]) -> bool:
    """Note what the job's log is about to show; False where somebody else just did so, or it is over."""
    try:
        client("dynamodb").update_item(
            TableName=settings().waiting_table,
            Key={"id": {"S": job.execution}},
            UpdateExpression="SET told = :now",
            ConditionExpression="task = :task AND told = :before",
            ExpressionAttributeValues={
                ":task": {"S": job.task},
                ":before": {"S": _written(job.told)},
                ":now": {"S": _written(job.told | statuses)},
            },
        )
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        return False
    return True


def forget(job: Job) -> bool:
    """The job waits no longer; False where somebody else said so before.

    Another one that waits for the same execution still does.
    """
    try:
        client("dynamodb").delete_item(
            TableName=settings().waiting_table,
            Key={"id": {"S": job.execution}},
            ConditionExpression="task = :task",
            ExpressionAttributeValues={":task": {"S": job.task}},
        )
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        return False
    return True


def _job(item: dict[str, Any]) -> Job:
    texts = {key: item[key]["S"] for key in Job.__dataclass_fields__ if key != "told"}
    return Job(**texts, told=json.loads(item["told"]["S"]))


def _written(told: dict[str, str]) -> str:
    return json.dumps(told, sort_keys=True)
