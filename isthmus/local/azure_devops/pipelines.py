"""Pipelines: YAML files of repositories, by number and name; previewed and run."""

from __future__ import annotations

from isthmus.local.azure_devops.access import (
    QUEUE_BUILDS,
    VIEW_BUILDS,
    VIEW_DEFINITION,
    contributor,
    may,
)
from isthmus.local.azure_devops.access import pipeline as allowed
from isthmus.local.azure_devops.call import Call, mapping, sequence, text
from isthmus.local.azure_devops.faults import invalid, not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.runs import Wanted, of_pipeline, preview_yaml, queue, reference
from isthmus.local.azure_devops.runs import shown as run_shown
from isthmus.local.azure_devops.store import Document


def every(call: Call) -> list[Document]:
    found = [
        shown(call.organization, one)
        for one in call.organization.pipelines
        if one["project"] == call.project["id"]
        and may(call.organization, call.principal, one, VIEW_DEFINITION)
    ]
    return call.page(found)


def one(call: Call) -> Document:
    return shown(call.organization, of(call, VIEW_DEFINITION))


def create(call: Call) -> Document:
    contributor(call)
    configuration = mapping(call.body, "configuration")
    if text(configuration, "type", required=True) != "yaml":
        raise invalid("Only pipelines of type 'yaml' can be created.")
    path = text(configuration, "path", required=True)
    given = mapping(configuration, "repository")
    key = text(given, "id") or text(given, "name", required=True)
    repository = call.organization.repository(key, call.project)
    name, folder = text(call.body, "name", required=True), text(call.body, "folder", default="\\") or "\\"
    return shown(call.organization, _create(call, name, folder, path, repository))


def _create(call: Call, name: str, folder: str, path: str, repository: Document) -> Document:
    table = call.organization.pipelines
    with call.organization.store.lock:
        call.organization.require_unnamed(name, folder, call.project)
        made: Document = {
            "id": table.next_id(),
            "name": name,
            "folder": folder,
            "revision": 1,
            "project": call.project["id"],
            "repository": repository["id"],
            "path": "/" + path.strip("/"),
        }
        return table.save(made["id"], made)


def preview(call: Call) -> Document:
    """The YAML as it would run."""
    pipeline = of(call, VIEW_DEFINITION)
    override = text(call.body, "yamlOverride")
    return {"finalYaml": preview_yaml(call.organization, pipeline, _wanted(call), override)}


def run(call: Call) -> Document:
    pipeline = of(call, QUEUE_BUILDS)
    if call.body.get("previewRun"):
        return preview(call)
    return run_shown(call.organization, queue(call.organization, pipeline, _wanted(call)))


def runs(call: Call) -> list[Document]:
    """Newest first, as Azure lists them: at most 10,000, and without a filter."""
    pipeline = of(call, VIEW_BUILDS)
    found = of_pipeline(call.organization, pipeline)[:10_000]
    return [reference(call.organization, pipeline, each) for each in found]


def one_run(call: Call) -> Document:
    pipeline = of(call, VIEW_BUILDS)
    found = call.organization.runs.get(call.id("runId"))
    if found is None or found["pipeline"] != pipeline["id"]:
        raise not_found(f"Run {call.path['runId']} not found.", "RunNotFoundException")
    return run_shown(call.organization, found)


def of(call: Call, bits: int) -> Document:
    """The pipeline in the URL, where the caller has these permissions on it."""
    found = call.organization.pipeline(call.id("pipelineId"), call.project)
    allowed(call, found, bits)
    return found


def _wanted(call: Call) -> Wanted:
    repositories = mapping(mapping(call.body, "resources"), "repositories")
    own = mapping(repositories, "self")
    others = {alias: mapping(repositories, alias) for alias in repositories if alias != "self"}
    variables = mapping(call.body, "variables")
    parameters = mapping(call.body, "templateParameters")
    for key, value in parameters.items():
        if not isinstance(value, str):
            raise invalid(f"The value of template parameter '{key}' must be a string.")
    skip = sequence(call.body, "stagesToSkip")
    return Wanted(
        ref=text(own, "refName"),
        version=text(own, "version"),
        repositories={alias: (text(one, "refName"), text(one, "version")) for alias, one in others.items()},
        parameters=parameters,
        variables={key: _variable(key, value) for key, value in variables.items()},
        stages_to_skip=tuple(str(stage) for stage in skip),
        requested_for=call.principal,
    )


def _variable(key: str, given: object) -> str:
    if not isinstance(given, dict):
        raise invalid(f"The variable '{key}' must be an object with a value.")
    return text(given, "value")


def shown(organization: Organization, pipeline: Document) -> Document:
    """A Pipeline."""
    base = f"{organization.url}/{pipeline['project']}"
    url = f"{base}/_apis/pipelines/{pipeline['id']}?revision={pipeline['revision']}"
    web = f"{base}/_build/definition?definitionId={pipeline['id']}"
    return {
        "_links": {"self": {"href": url}, "web": {"href": web}},
        "configuration": {
            "path": pipeline["path"].lstrip("/"),
            "repository": {"id": pipeline["repository"], "type": "azureReposGit"},
            "type": "yaml",
        },
        "url": url,
        "id": pipeline["id"],
        "revision": pipeline["revision"],
        "name": pipeline["name"],
        "folder": pipeline["folder"],
    }


_PIPELINE = "{project}/_apis/pipelines/{pipelineId}"
RESOURCES = [
    Resource(
        "28e1305e-2afe-47bf-abaf-cbb0e6a91988",
        "pipelines",
        "pipelines",
        _PIPELINE,
        collection={"GET": every, "POST": create},
        item={"GET": one},
    ),
    Resource(
        "53df2d18-29ea-46a9-bee0-933540f80abf",
        "pipelines",
        "preview",
        _PIPELINE + "/preview",
        collection={"POST": preview},
    ),
    Resource(
        "7859261e-d2e9-4a68-b820-a5d84cc5bb3d",
        "pipelines",
        "runs",
        _PIPELINE + "/runs/{runId}",
        collection={"GET": runs, "POST": run},
        item={"GET": one_run},
    ),
]
