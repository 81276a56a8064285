"""Whether a session in AWS outlives a deployment: else credentials expire in the midst of it.

AWS' own tasks for Azure Pipelines ask for 15 minutes where nobody says more; `isthmus assume` asks for what
`sessions` says, and AWS gives no longer than the role allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from isthmus import names
from isthmus.config import STAGES, AccountRole
from isthmus.doctor.entrances import entrances
from isthmus.doctor.finding import Finding, deploy, revert
from isthmus.doctor.sight import Sight
from isthmus.infra.change import described

# A deployment that takes so much of a session may not end within the next one.
NEAR = 0.75


def durations(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """The longest session of each role that pipelines enter, and how long the last deployments took."""
    pages = sight.client(account, "iam").get_paginator("list_roles").paginate()
    allowed = {
        one["RoleName"]: int(one.get("MaxSessionDuration", 3600)) for page in pages for one in page["Roles"]
    }
    shortest = timedelta.max
    for way in entrances(sight.platform, account):
        shortest = min(shortest, timedelta(seconds=way.seconds))
        if way.role in allowed and allowed[way.role] < way.seconds:
            yield Finding(
                "missing",
                f"role {way.role}",
                f"a session may last {_minutes(allowed[way.role])}, and isthmus assume asks for "
                f"{_minutes(way.seconds)}: AWS refuses it",
                revert(names.stack(sight.platform, account), sight.platform.region)
                if way.role in (names.infrastructure_role(sight.platform), names.drift_role(sight.platform))
                else deploy(account),
            )
    yield from _deployments(sight, account, shortest)


def _deployments(sight: Sight, account: AccountRole, session: timedelta) -> Iterator[Finding]:
    cfn, platform = sight.client(account, "cloudformation"), sight.platform
    stacks = [names.stack(platform, account)]
    if account in STAGES:
        stacks += [names.endpoint_stack(platform, model.name, account) for model in platform.models]
    for stack in stacks:
        took = last_change(cfn, stack) if described(cfn, stack) else None
        if took and took > NEAR * session:
            yield Finding(
                "missing" if took > session else "warning",
                f"stack {stack}",
                f"its last change took {_minutes(took.total_seconds())}, and a session lasts "
                f"{_minutes(session.total_seconds())}: where a run loses its credentials, start it again; "
                "CloudFormation goes on meanwhile",
            )


def last_change(cfn: Any, stack: str) -> timedelta | None:
    """How long the stack's last change took; None while it changes."""
    ended: datetime | None = None
    for page in cfn.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event["PhysicalResourceId"] != event["StackId"]:
                continue
            if event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                return ended - event["Timestamp"] if ended else None
            ended = ended or event["Timestamp"]
    return None


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes"
