"""Retention leases: by them Azure DevOps keeps a branch's last good runs, and with those the pipeline.

https://learn.microsoft.com/azure/devops/pipelines/build/run-retention
"""

from __future__ import annotations

from isthmus.local.azure_devops.access import administrator
from isthmus.local.azure_devops.call import Answer, Call
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import Fault
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

KEPT = 3
OWNER = "Branch"
# As Microsoft writes a lease that does not end.
FOR_EVER = "9999-12-31T23:59:59Z"


def on_run_ended(organization: Organization, run: Document) -> None:
    """Keep this run, and let go of the branch's older ones."""
    if run["result"] != "succeeded":
        return
    table = organization.table("lease")
    owner = f"{OWNER}:{run['pipeline']}:{run['sourceBranch']}"
    with organization.store.lock:
        number = table.next_id()
        lease: Document = {
            "leaseId": number,
            "ownerId": owner,
            "runId": run["id"],
            "definitionId": run["pipeline"],
            "createdOn": now(),
            "validUntil": FOR_EVER,
            "protectPipeline": True,
        }
        table.save(number, lease)
        kept = sorted(one["leaseId"] for one in table if one["ownerId"] == owner)
        for older in kept[:-KEPT]:
            table.drop(older)


def every(call: Call) -> list[Document]:
    owner, pipeline = call.query.get("ownerid", ""), call.number("definitionId", 0)
    run = call.number("runId", 0)
    return [
        one
        for one in _of_project(call)
        if (not owner or one["ownerId"] == owner)
        and (not pipeline or one["definitionId"] == pipeline)
        and (not run or one["runId"] == run)
    ]


def remove(call: Call) -> Answer:
    administrator(call)
    wanted = set(call.texts("ids"))
    for one in _of_project(call):
        if str(one["leaseId"]) in wanted:
            call.organization.table("lease").drop(one["leaseId"])
    return Answer()


def require_none(organization: Organization, pipeline: int) -> None:
    """Raise 400 where a lease keeps the pipeline."""
    if any(one["definitionId"] == pipeline for one in organization.table("lease")):
        raise Fault(
            400,
            "CannotDeleteDefinitionBuildExistsException",
            "One or more builds associated with the requested pipeline(s) are retained by a lease. "
            "The pipeline(s) and builds will not be deleted.",
        )


def _of_project(call: Call) -> list[Document]:
    pipelines = {one["id"] for one in call.organization.pipelines if one["project"] == call.project["id"]}
    return [one for one in call.organization.table("lease") if one["definitionId"] in pipelines]


RESOURCES = [
    Resource(
        "272051e4-9af1-45b5-ae22-8d960a5539d4",
        "build",
        "leases",
        "{project}/_apis/build/retention/leases/{leaseId}",
        collection={"GET": every, "DELETE": remove},
    )
]
