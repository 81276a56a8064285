"""Retention leases: by them Azure DevOps keeps a branch's last good runs, and people and jobs keep others.

https://learn.microsoft.com/azure/devops/pipelines/build/run-retention
https://learn.microsoft.com/rest/api/azure/devops/build/leases
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from isthmus.local.azure_devops.access import RETAIN_BUILDS, VIEW_BUILDS, may
from isthmus.local.azure_devops.access import pipeline as allowed
from isthmus.local.azure_devops.call import Answer, Call, text
from isthmus.local.azure_devops.clock import now, parse, written
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

KEPT = 3
OWNER = "Branch"
# As Microsoft writes a lease that does not end: one of more than a hundred years.
FOR_EVER, LONGEST_DAYS = "9999-12-31T23:59:59Z", 36500


def on_run_ended(organization: Organization, run: Document) -> None:
    """Keep this run, and let go of the branch's older ones."""
    if run["result"] != "succeeded":
        return
    owner = f"{OWNER}:{run['pipeline']}:{run['sourceBranch']}"
    with organization.store.lock:
        if any(one["ownerId"] == owner for one in of_run(organization, run)):
            return
        _put(organization, run, owner, FOR_EVER, protects=True)
        kept = sorted(one["leaseId"] for one in organization.table("lease") if one["ownerId"] == owner)
        for older in kept[:-KEPT]:
            organization.table("lease").drop(older)


def _put(organization: Organization, run: Document, owner: str, until: str, *, protects: bool) -> Document:
    table = organization.table("lease")
    number = table.next_id()
    lease: Document = {
        "leaseId": number,
        "ownerId": owner,
        "runId": run["id"],
        "definitionId": run["pipeline"],
        "createdOn": now(),
        "validUntil": until,
        "protectPipeline": protects,
    }
    return table.save(number, lease)


def every(call: Call) -> list[Document]:
    """By owner, pipeline and run; or those that match one of `leasesToFetch`, as JSON between bars."""
    if wanted := call.query.get("leasestofetch"):
        asked = [_minimal(one) for one in wanted.split("|")]
    else:
        numbers = {name: call.number(name, 0) for name in ("definitionId", "runId")}
        given = {"ownerId": call.query.get("ownerid", ""), **numbers}
        asked = [{name: value for name, value in given.items() if value}]
    return [one for one in _of_project(call) if any(each.items() <= one.items() for each in asked)]


def _minimal(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise invalid("leasesToFetch must be JSON objects, separated by |.")
    return {name: found[name] for name in ("ownerId", "definitionId", "runId") if name in found}


def of_run(organization: Organization, run: Document) -> list[Document]:
    return [one for one in _valid(organization) if one["runId"] == run["id"]]


def one(call: Call) -> Document:
    found = next((one for one in _of_project(call) if one["leaseId"] == call.id("leaseId")), None)
    if found is None:
        raise not_found(f"Retention lease {call.path['leaseId']} could not be found.")
    return found


def add(call: Call) -> list[Document]:
    """All of them or none."""
    found = [(_run(call, given), text(given, "ownerId", required=True), given) for given in call.items]
    wanted = [
        (run, owner, _until(_whole(given, "daysValid")), given.get("protectPipeline") is True)
        for run, owner, given in found
    ]
    with call.organization.store.lock:
        return [_put(call.organization, run, who, until, protects=keeps) for run, who, until, keeps in wanted]


def _run(call: Call, given: dict[str, Any]) -> Document:
    """The run that a lease is to be for, which the caller may retain."""
    pipeline = call.organization.pipeline(_whole(given, "definitionId"), call.project)
    allowed(call, pipeline, RETAIN_BUILDS)
    run = call.organization.runs.get(_whole(given, "runId"))
    if run is None or run["pipeline"] != pipeline["id"]:
        raise not_found(f"The requested build {given['runId']} could not be found.", "BuildNotFoundException")
    return run


def change(call: Call) -> Document:
    lease = one(call)
    _retained(call, lease)
    if "daysValid" in call.body:
        lease["validUntil"] = _until(_whole(call.body, "daysValid"))
    if "protectPipeline" in call.body:
        lease["protectPipeline"] = call.body["protectPipeline"] is True
    return call.organization.table("lease").save(lease["leaseId"], lease)


def remove(call: Call) -> Answer:
    wanted = set(call.texts("ids"))
    gone = [one for one in _of_project(call) if str(one["leaseId"]) in wanted]
    for one in gone:
        _retained(call, one)
    for one in gone:
        call.organization.table("lease").drop(one["leaseId"])
    return Answer()


def _retained(call: Call, lease: Document) -> None:
    """Only who may retain the runs of the lease's pipeline may go on."""
    allowed(call, call.organization.pipeline(lease["definitionId"], call.project), RETAIN_BUILDS)


def _whole(given: dict[str, Any], name: str) -> int:
    value = given.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise invalid(f"{name} must be a positive number.")
    return value


def _until(days: int) -> str:
    return FOR_EVER if days > LONGEST_DAYS else written(datetime.now(UTC) + timedelta(days=days))


def require_none_on(organization: Organization, run: Document) -> None:
    """Raise 400 where a lease keeps the run."""
    if of_run(organization, run):
        raise Fault(
            400,
            "CannotDeleteRetainedBuildException",
            f"Build {run['name']} is retained by a lease and cannot be deleted.",
        )


def require_none(organization: Organization, pipeline: int) -> None:
    """Raise 400 where a lease keeps the pipeline."""
    if any(one["definitionId"] == pipeline and one["protectPipeline"] for one in _valid(organization)):
        raise Fault(
            400,
            "CannotDeleteDefinitionBuildExistsException",
            "One or more builds associated with the requested pipeline(s) are retained by a lease. "
            "The pipeline(s) and builds will not be deleted.",
        )


def _of_project(call: Call) -> list[Document]:
    """The leases on runs that the caller may see."""
    pipelines = {
        one["id"]
        for one in call.organization.pipelines
        if one["project"] == call.project["id"] and may(call.organization, call.principal, one, VIEW_BUILDS)
    }
    return [one for one in _valid(call.organization) if one["definitionId"] in pipelines]


def _valid(organization: Organization) -> list[Document]:
    return [one for one in organization.table("lease") if parse(one["validUntil"]) > datetime.now(UTC)]


RESOURCES = [
    Resource(
        "272051e4-9af1-45b5-ae22-8d960a5539d4",
        "build",
        "leases",
        "{project}/_apis/build/retention/leases/{leaseId}",
        2,
        collection={"GET": every, "POST": add, "DELETE": remove},
        item={"GET": one, "PATCH": change},
    ),
]
