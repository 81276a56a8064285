"""Pipelines as build definitions, their newest builds, and the tags of all builds."""

from __future__ import annotations

from isthmus.local.azure_devops import builds, leases, queue_time
from isthmus.local.azure_devops.access import (
    DELETE_DEFINITION,
    EDIT_DEFINITION,
    VIEW_BUILDS,
    VIEW_DEFINITION,
    may,
)
from isthmus.local.azure_devops.access import pipeline as allowed
from isthmus.local.azure_devops.call import Answer, Call, mapping, sequence, text
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.organization import Organization, project_reference
from isthmus.local.azure_devops.repositories import shown as repository_shown
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.triggers import FROM_YAML


def definitions(call: Call) -> list[Document]:
    name = call.query.get("name", "").lower()
    repository = call.query.get("repositoryid")
    view = _whole if call.query.get("includeallproperties", "").lower() == "true" else _definition
    found = [
        view(call.organization, one)
        for one in call.organization.pipelines
        if one["project"] == call.project["id"]
        and (not name or one["name"].lower() == name)
        and (not repository or one["repository"] == repository)
        and may(call.organization, call.principal, one, VIEW_DEFINITION)
    ]
    return call.page(found)


def definition(call: Call) -> Document:
    pipeline = call.organization.pipeline(call.id("definitionId"), call.project)
    allowed(call, pipeline, VIEW_DEFINITION)
    return _whole(call.organization, pipeline)


def change(call: Call) -> Document:
    """Replace a definition; its revision must be the newest, so that nobody's change is lost."""
    pipeline = call.organization.pipeline(call.id("definitionId"), call.project)
    allowed(call, pipeline, EDIT_DEFINITION)
    given = call.body.get("revision")
    if given != pipeline["revision"]:
        raise Fault(
            409,
            "DefinitionRevisionMismatchException",
            f"The pipeline has changed: its revision is {pipeline['revision']}, not {given}.",
        )
    repository, process = mapping(call.body, "repository"), mapping(call.body, "process")
    key = text(repository, "id") or pipeline["repository"]
    path = text(process, "yamlFilename", default=pipeline["path"])
    name = text(call.body, "name", required=True)
    folder = text(call.body, "path", default=pipeline["folder"])
    call.organization.require_unnamed(name, folder, call.project, but=pipeline["id"])
    pipeline |= {
        "name": name,
        "folder": folder,
        "repository": call.organization.repository(key, call.project)["id"],
        "path": "/" + path.strip("/"),
        "queueStatus": text(call.body, "queueStatus", default="enabled"),
        "triggers": _triggers(call) if "triggers" in call.body else pipeline.get("triggers", [FROM_YAML]),
        "variables": queue_time.declared(mapping(call.body, "variables"), pipeline.get("variables", {})),
        "revision": pipeline["revision"] + 1,
    }
    return _whole(call.organization, call.organization.pipelines.save(pipeline["id"], pipeline))


def _triggers(call: Call) -> list[Document]:
    """The body's; of another kind than CI they are kept, and run nothing here."""
    found = sequence(call.body, "triggers")
    for one in found:
        if not isinstance(one, dict) or not isinstance(one.get("triggerType"), str):
            raise invalid("A trigger must be an object with a triggerType.")
    return found


def remove(call: Call) -> Answer:
    """A definition that no lease keeps, with its runs."""
    pipeline = call.organization.pipeline(call.id("definitionId"), call.project)
    allowed(call, pipeline, DELETE_DEFINITION)
    leases.require_none(call.organization, pipeline["id"])
    call.organization.drop_pipeline(pipeline["id"])
    return Answer()


def _whole(organization: Organization, pipeline: Document) -> Document:
    """A BuildDefinition: with where its YAML is."""
    repository = organization.repository(pipeline["repository"])
    view = repository_shown(organization, repository)
    return _definition(organization, pipeline) | {
        "process": {"type": 2, "yamlFilename": pipeline["path"].lstrip("/")},
        "triggers": pipeline.get("triggers", [FROM_YAML]),
        "variables": queue_time.shown(pipeline),
        "repository": {
            "id": repository["id"],
            "name": repository["name"],
            "type": "TfsGit",
            "url": view["remoteUrl"],
            "defaultBranch": view.get("defaultBranch", ""),
        },
    }


def _definition(organization: Organization, pipeline: Document) -> Document:
    project = organization.projects.get(pipeline["project"]) or {}
    base = f"{organization.url}/{pipeline['project']}"
    return {
        "id": pipeline["id"],
        "name": pipeline["name"],
        "path": pipeline["folder"],
        "revision": pipeline["revision"],
        "type": "build",
        "queueStatus": pipeline.get("queueStatus", "enabled"),
        "quality": "definition",
        "project": project_reference(organization, project),
        "url": f"{base}/_apis/build/Definitions/{pipeline['id']}",
        "_links": {"web": {"href": f"{base}/_build/definition?definitionId={pipeline['id']}"}},
    }


def latest(call: Call) -> Document:
    """The newest build of a definition, by its name or number; on a branch where one is named."""
    branch = call.query.get("branchname", "").removeprefix("refs/heads/")
    pipeline = _named(call, call.path["definition"])
    allowed(call, pipeline, VIEW_BUILDS)
    for run in call.organization.runs_of(pipeline["id"]):
        if branch in ("", run["sourceBranch"].removeprefix("refs/heads/")):
            return builds.shown(call.organization, run)
    raise not_found(f"No build of {pipeline['name']} was found.", "BuildNotFoundException")


def _named(call: Call, wanted: str) -> Document:
    for pipeline in call.organization.pipelines:
        if pipeline["project"] == call.project["id"] and wanted in (str(pipeline["id"]), pipeline["name"]):
            return pipeline
    raise not_found(f"The definition {wanted} does not exist.", "DefinitionNotFoundException")


def tags(call: Call) -> list[str]:
    """Every tag of the project's builds."""
    mine = (run for run in call.organization.runs if run["project"] == call.project["id"])
    return sorted({tag for run in mine for tag in run["tags"]})


RESOURCES = [
    Resource(
        "dbeaf647-6167-421a-bda9-c9327b25e2e6",
        "build",
        "definitions",
        "{project}/_apis/build/definitions/{definitionId}",
        7,
        collection={"GET": definitions},
        item={"GET": definition, "PUT": change, "DELETE": remove},
    ),
    Resource(
        "54481611-01f4-47f3-998f-160da0f0c229",
        "build",
        "latest",
        "{project}/_apis/build/latest/{definition}",
        item={"GET": latest},
    ),
    Resource(
        "d84ac5c6-edc7-43d5-adc9-1b34be5dea09",
        "build",
        "tags",
        "{project}/_apis/build/tags",
        3,
        collection={"GET": tags},
    ),
]
