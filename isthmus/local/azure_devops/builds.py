"""Builds: the same runs as an older part of the API shows them, with filters, tags and cancellation."""

from __future__ import annotations

import json
from collections.abc import Iterable

from isthmus.local.azure_devops import leases
from isthmus.local.azure_devops.access import (
    DELETE_BUILDS,
    QUEUE_BUILDS,
    STOP_BUILDS,
    TAG_BUILDS,
    VIEW_BUILDS,
    may,
)
from isthmus.local.azure_devops.access import pipeline as allowed
from isthmus.local.azure_devops.attempts import retry
from isthmus.local.azure_devops.call import Answer, Call, mapping, sequence, text
from isthmus.local.azure_devops.clock import parse
from isthmus.local.azure_devops.enumerations import BUILD_REASON, BUILD_RESULT, BUILD_STATUS, words
from isthmus.local.azure_devops.faults import invalid, not_found
from isthmus.local.azure_devops.organization import Organization, project_reference
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.runs import Wanted, queue
from isthmus.local.azure_devops.store import Document

STATUS = {"inProgress": "inProgress", "canceling": "cancelling", "completed": "completed"}


def every(call: Call) -> Answer | list[Document]:
    """Builds by the filters of the query, newest first; a continuation token where there are more."""
    start = call.number("continuationToken", 0)
    top = call.number("$top", 1000)
    found = []
    for run in _filtered(call):
        found.append(run)
        if len(found) > start + top:
            break
    value = [shown(call.organization, one) for one in found[start : start + top]]
    more = {"x-ms-continuationtoken": str(start + top)} if len(found) > start + top else {}
    return Answer({"count": len(value), "value": value}, headers=more)


def _filtered(call: Call) -> Iterable[Document]:
    ids = {_whole(one) for one in call.texts("buildIds")}
    tags = set(call.texts("tagFilters"))
    statuses, results, reasons = (
        words(call.query.get(name, ""), known) - {"all"}
        for name, known in (
            ("statusfilter", BUILD_STATUS),
            ("resultfilter", BUILD_RESULT),
            ("reasonfilter", BUILD_REASON),
        )
    )
    branch = call.query.get("branchname", "")
    number = call.query.get("buildnumber", "")
    for run in _candidates(call):
        if (
            (not ids or run["id"] in ids)
            and tags <= set(run["tags"])
            and (not statuses or _status(run).lower() in statuses)
            and (not results or (run["result"] or "").lower() in results)
            and (not reasons or run["reason"].lower() in reasons)
            and branch in ("", run["sourceBranch"])
            and (not number or _like(run["name"], number))
            and _in_time(call, run)
        ):
            yield run


def _candidates(call: Call) -> Iterable[Document]:
    """The runs of the pipelines that are asked for and that the caller may see, newest first."""
    definitions = {_whole(one) for one in call.texts("definitions")}
    visible = [
        pipeline
        for pipeline in call.organization.pipelines
        if pipeline["project"] == call.project["id"]
        and (not definitions or pipeline["id"] in definitions)
        and may(call.organization, call.principal, pipeline, VIEW_BUILDS)
    ]
    if definitions and not visible and call.principal.kind == "application":
        for number in definitions:
            allowed(call, call.organization.pipeline(number, call.project), VIEW_BUILDS)
    if len(visible) == 1:
        return call.organization.runs_of(visible[0]["id"])
    runs = [run for one in visible for run in call.organization.runs_of(one["id"])]
    return sorted(runs, key=lambda run: -int(run["id"]))


def _whole(number: str) -> int:
    if not number.strip().isdecimal():
        raise invalid(f"'{number}' is not a number.")
    return int(number)


def _like(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _in_time(call: Call, run: Document) -> bool:
    try:
        low, high = (parse(call.query[key]) if key in call.query else None for key in ("mintime", "maxtime"))
        moment = parse(run["createdDate"])
        return not ((low and moment < low) or (high and moment > high))
    except (ValueError, TypeError):
        raise invalid("minTime and maxTime must be moments such as 2026-01-31T12:00:00Z.") from None


def one(call: Call) -> Document:
    return shown(call.organization, of(call, VIEW_BUILDS))


def create(call: Call) -> Document:
    definition = mapping(call.body, "definition")
    number = definition.get("id")
    if not isinstance(number, int):
        raise invalid("definition.id must be the number of a pipeline.")
    pipeline = call.organization.pipeline(number, call.project)
    allowed(call, pipeline, QUEUE_BUILDS)
    parameters = mapping(call.body, "templateParameters")
    if not all(isinstance(value, str) for value in parameters.values()):
        raise invalid("The values of templateParameters must be strings.")
    wanted = Wanted(
        ref=text(call.body, "sourceBranch"),
        version=text(call.body, "sourceVersion"),
        parameters=parameters,
        variables=_variables(text(call.body, "parameters")),
        requested_for=call.principal,
    )
    return shown(call.organization, queue(call.organization, pipeline, wanted))


def _variables(given: str) -> dict[str, str]:
    """The variables that a build is queued with: `parameters`, a JSON object as text."""
    try:
        found = json.loads(given or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise invalid("parameters must be the text of a JSON object whose values are strings.")
    return found


def change(call: Call) -> Document:
    """Cancel, or with `retry` run again what failed: the changes of a build that are carried out here."""
    if call.flag("retry"):
        run = of(call, QUEUE_BUILDS)
        if call.content:
            raise invalid("The request body must be empty when the retry parameter is specified.")
        retry(call.organization, run)
        return shown(call.organization, run)
    run = of(call, STOP_BUILDS)
    status = text(call.body, "status", required=True, known=BUILD_STATUS).lower()
    if status != "cancelling":
        raise invalid("A build can be changed to status 'cancelling', and to nothing else.")
    if run["state"] == "completed":
        raise invalid(f"Build {run['id']} is completed already.", "InvalidBuildException")
    call.organization.agents.cancel(run)
    return shown(call.organization, run)


def remove(call: Call) -> Answer:
    """A build that is over, and that no lease keeps."""
    run = of(call, DELETE_BUILDS)
    leases.require_none_on(call.organization, run)
    if run["state"] != "completed":
        raise invalid(f"Build {run['id']} is not completed.", "InvalidBuildException")
    call.organization.drop_run(run)
    return Answer()


def tags(call: Call) -> list[str]:
    return list(of(call, VIEW_BUILDS)["tags"])


def add_tag(call: Call) -> list[str]:
    return _tagged(call, add=[call.path["tag"]])


def add_tags(call: Call) -> list[str]:
    given = call.json
    if not isinstance(given, list) or not all(isinstance(tag, str) for tag in given):
        raise invalid("The body must be an array of tags.")
    return _tagged(call, add=given)


def change_tags(call: Call) -> list[str]:
    add, drop = sequence(call.body, "tagsToAdd"), sequence(call.body, "tagsToRemove")
    return _tagged(call, add=[str(tag) for tag in add], drop=[str(tag) for tag in drop])


def drop_tag(call: Call) -> list[str]:
    return _tagged(call, drop=[call.path["tag"]])


def _tagged(call: Call, add: Iterable[str] = (), drop: Iterable[str] = ()) -> list[str]:
    run = of(call, TAG_BUILDS)
    with call.organization.store.lock:
        kept = [tag for tag in run["tags"] if tag not in set(drop)]
        run["tags"] = list(dict.fromkeys([*kept, *add]))
        call.organization.save_run(run)
    return list(run["tags"])


def of(call: Call, bits: int) -> Document:
    """The run in the URL, where the caller has these permissions on its pipeline."""
    run = call.organization.runs.get(call.id("buildId"))
    if run is None or run["project"] != call.project["id"]:
        raise not_found(
            f"The requested build {call.path['buildId']} could not be found.", "BuildNotFoundException"
        )
    pipeline = call.organization.pipeline(run["pipeline"], call.project)
    if call.principal.job is None or call.principal.job.run != run["id"]:
        allowed(call, pipeline, bits)
    return run


def _status(run: Document) -> str:
    if run["state"] == "inProgress" and "startTime" not in run:
        return "notStarted"
    return STATUS[run["state"]]


def shown(organization: Organization, run: Document) -> Document:
    """A Build."""
    project = organization.projects.get(run["project"]) or {}
    base = f"{organization.url}/{run['project']}"
    url = f"{base}/_apis/build/Builds/{run['id']}"
    who = organization.identity_of(run["requestedFor"])
    optional = {
        "result": run["result"],
        "startTime": run.get("startTime"),
        "finishTime": run.get("finishedDate"),
        "validationResults": [{"result": "error", "message": run["failure"]}] if run.get("failure") else None,
    }
    return {
        "_links": {
            "self": {"href": url},
            "web": {"href": f"{base}/_build/results?buildId={run['id']}"},
            "timeline": {"href": f"{url}/Timeline"},
        },
        "id": run["id"],
        "buildNumber": run["name"],
        "status": _status(run),
        "queueTime": run["createdDate"],
        "url": url,
        "uri": f"vstfs:///Build/Build/{run['id']}",
        "definition": _definition(organization, run, project),
        "project": project_reference(organization, project),
        "sourceBranch": run["sourceBranch"],
        "sourceVersion": run["sourceVersion"],
        "priority": "normal",
        "reason": run["reason"],
        "requestedFor": who,
        "requestedBy": who,
        "lastChangedDate": run.get("finishedDate") or run["createdDate"],
        "lastChangedBy": organization.identity(organization.principals.build_service),
        "orchestrationPlan": {"planId": run["plan"], "orchestrationType": 1},
        "plans": [{"planId": run["plan"], "orchestrationType": 1}],
        "logs": {"id": 0, "type": "Container", "url": f"{url}/logs"},
        "repository": _repository(organization, run, project),
        "templateParameters": run["templateParameters"],
        "triggerInfo": run["triggerInfo"],
        "tags": run["tags"],
        "properties": {},
        "retainedByRelease": False,
        **{key: value for key, value in optional.items() if value},
    }


def _definition(organization: Organization, run: Document, project: Document) -> Document:
    """A DefinitionReference, which outlives the pipeline."""
    pipeline = organization.pipelines.get(run["pipeline"]) or {}
    return {
        "id": run["pipeline"],
        "name": pipeline.get("name"),
        "path": pipeline.get("folder", "\\"),
        "type": "build",
        "queueStatus": "enabled",
        "revision": pipeline.get("revision", 1),
        "project": project_reference(organization, project),
        "url": f"{organization.url}/{run['project']}/_apis/build/Definitions/{run['pipeline']}",
    }


def _repository(organization: Organization, run: Document, project: Document) -> Document:
    """A BuildRepository."""
    repository = organization.repositories.get(run["repository"]) or {}
    return {
        "id": run["repository"],
        "type": "TfsGit",
        "name": repository.get("name"),
        "url": f"{organization.url}/{project.get('name')}/_git/{repository.get('name')}",
        "checkoutSubmodules": False,
    }


_BUILD = "{project}/_apis/build/builds/{buildId}"
RESOURCES = [
    Resource(
        "0cd358e1-9217-4d94-8269-1c1ee6f93dcf",
        "build",
        "builds",
        _BUILD,
        7,
        collection={"GET": every, "POST": create},
        item={"GET": one, "PATCH": change, "DELETE": remove},
    ),
    Resource(
        "6e6114b2-8161-44c8-8f6c-c5505782427f",
        "build",
        "tags",
        _BUILD + "/tags/{*tag}",
        3,
        collection={"GET": tags, "POST": add_tags, "PATCH": change_tags},
        item={"PUT": add_tag, "DELETE": drop_tag},
    ),
]
