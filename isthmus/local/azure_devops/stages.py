"""Stages of runs: cancelled alone, and run again."""

from __future__ import annotations

from isthmus.local.azure_devops.access import QUEUE_BUILDS, STOP_BUILDS
from isthmus.local.azure_devops.attempts import every_stage, no_stage, retry
from isthmus.local.azure_devops.builds import of
from isthmus.local.azure_devops.call import Answer, Call, flag, text
from isthmus.local.azure_devops.enumerations import STAGE_UPDATE
from isthmus.local.azure_devops.faults import invalid
from isthmus.local.azure_devops.routing import Resource


def update(call: Call) -> Answer:
    """Cancel a stage that goes on; or retry one of a run that is over, and those that depend on it.

    `retryDependencies` is not in the description of 7.1. False leaves the others as they are.
    """
    name = call.path["stageRefName"]
    state = text(call.body, "state", required=True, known=STAGE_UPDATE).lower()
    if state == "retry":
        run = of(call, QUEUE_BUILDS)
        every_job = flag(call.body, "forceRetryAllJobs")
        alone = not flag(call.body, "retryDependencies", default=True)
        retry(call.organization, run, name, every_job=every_job, alone=alone)
        return Answer()
    if state != "cancel":
        raise invalid(f"A stage can be updated by cancel or retry, not by {state}.")
    run = of(call, STOP_BUILDS)
    stages = every_stage(call.organization.ledger.records(run))
    if name not in stages:
        raise no_stage(run, name)
    if stages[name][0]["state"] == "completed":
        raise invalid(f"The stage {name} of build {run['id']} is completed.", "InvalidBuildException")
    call.organization.agents.cancel_stage(run, name)
    return Answer()


RESOURCES = [
    Resource(
        "b8aac6c9-744b-46e1-88fc-3550969f9313",
        "build",
        "stages",
        "{project}/_apis/build/builds/{buildId}/stages/{stageRefName}",
        item={"PATCH": update},
    )
]
