"""The plan of a run, as services outside see it that a job without an agent has asked: they write lines to
a task's log while they work (`feed`), and say when they are done (`events`).

Microsoft describes the events in task.json; the feed is in its documentation of agentless tasks, and its
clients call it.
"""

from __future__ import annotations

from isthmus.local.azure_devops import access
from isthmus.local.azure_devops.call import Answer, Call, sequence, text
from isthmus.local.azure_devops.faults import Fault, invalid, not_found, refused
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.host import Result

HUB = "build"
COMPLETED = "TaskCompleted"
# The others only say that something goes on.
EVENTS = ("TaskAssigned", "TaskStarted", COMPLETED)
RESULTS: dict[str, Result] = {
    "succeeded": "succeeded",
    "succeededwithissues": "succeededWithIssues",
    "failed": "failed",
    "canceled": "failed",
    "skipped": "succeeded",
    "abandoned": "failed",
}


def post_event(call: Call) -> Answer:
    """Take an event about a task of the plan; one about a task that is over changes nothing."""
    run = _run(call)
    name = text(call.body, "name", required=True)
    if name not in EVENTS:
        raise invalid(f"{name} is no event; these are: {', '.join(EVENTS)}.")
    job, task = _of(call, run, "jobId"), _of(call, run, "taskId")
    if task["parentId"] != job["id"]:
        raise invalid(f"The task {task['id']} is none of the job {job['id']}.")
    result = text(call.body, "result", default="succeeded").lower()
    if result not in RESULTS:
        raise invalid(f"{result} is no result.")
    host = call.organization.agents.host(run)
    if name == COMPLETED and host is not None:
        host.complete(job["id"], task["id"], RESULTS[result])
    return Answer()


def feed(call: Call) -> Answer:
    """Append lines to the log of the step that the body names, or else of the record in the path."""
    run = _run(call)
    if call.path["timelineId"].lower() != run["plan"]:
        raise not_found(f"There is no timeline {call.path['timelineId']} of this plan.")
    record = call.path["recordId"].lower()
    step = text(call.body, "stepId").lower() or record
    known = call.organization.ledger.records(run)
    if record not in known or step not in known:
        raise not_found(f"There is no record {record} with a step {step} in this plan.")
    lines = sequence(call.body, "value")
    if not all(isinstance(line, str) for line in lines):
        raise invalid("value must be an array of strings.")
    call.organization.ledger.append(run, step, lines)
    return Answer()


def _run(call: Call) -> Document:
    """The run in progress whose plan is in the path, where the caller may write to it."""
    plan, scope = call.path["planId"].lower(), call.organization.project(call.path["scopeIdentifier"])
    run = next((one for one in call.organization.runs if one["plan"] == plan), None)
    if run is None or run["project"] != scope["id"] or call.path["hubName"].lower() != HUB:
        raise not_found(f"No plan found for identifier {plan}.", "TaskOrchestrationPlanNotFoundException")
    job = call.principal.job
    if job is not None and job.plan != plan:
        raise refused("A job's token is good for its own plan.")
    if job is None:
        found = call.organization.pipeline(run["pipeline"], scope)
        access.pipeline(call, found, access.UPDATE_BUILDS)
    if run["state"] == "completed":
        raise Fault(
            400, "TaskOrchestrationPlanTerminatedException", f"The orchestration plan {plan} is completed."
        )
    return run


def _of(call: Call, run: Document, key: str) -> Document:
    wanted = text(call.body, key, required=True).lower()
    found = call.organization.ledger.records(run).get(wanted)
    if found is None:
        raise not_found(f"There is no record {wanted} in this plan.")
    return found


_PLAN = "{scopeIdentifier}/_apis/distributedtask/hubs/{hubName}/plans/{planId}"
RESOURCES = [
    Resource(
        "557624af-b29e-4c20-8ab0-0399d2204f3f",
        "distributedtask",
        "planevents",
        _PLAN + "/events",
        collection={"POST": post_event},
    ),
    Resource(
        "858983e4-19bd-4c5e-864c-507b59b58b12",
        "distributedtask",
        "feed",
        _PLAN + "/timelines/{timelineId}/records/{recordId}/feed",
        collection={"POST": feed},
    ),
]
