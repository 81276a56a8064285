"""Projects: made by an operation that is done at once."""

from __future__ import annotations

from fnmatch import fnmatchcase as fnmatch
from urllib.parse import quote

from isthmus.local.azure_devops.access import administrator
from isthmus.local.azure_devops.call import Answer, Call, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import Fault, invalid
from isthmus.local.azure_devops.organization import Organization, new_id, project_reference
from isthmus.local.azure_devops.repositories import create_repository
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


def every(call: Call) -> list[Document]:
    return call.page([project_reference(call.organization, one) for one in call.organization.projects])


def one(call: Call) -> Document:
    return _project(call.organization, call.organization.project(call.path["projectId"]))


def create(call: Call) -> Document:
    administrator(call)
    name = text(call.body, "name", required=True)
    if any(each["name"].lower() == name.lower() for each in call.organization.projects):
        raise Fault(
            400, "ProjectAlreadyExistsException", f"TF200019: The following project already exists: {name}."
        )
    organization = call.organization
    project: Document = {
        "id": new_id(),
        "name": name,
        "description": text(call.body, "description"),
        "revision": 1,
        "lastUpdateTime": now(),
    }
    with organization.store.lock:
        organization.projects.save(project["id"], project)
        organization.principals.add_project(name)
        create_repository(organization, project, name)
    return _operation(call, project["id"])


def change(call: Call) -> Document:
    """Who may see the project; a name or a description is not changed here."""
    administrator(call)
    visibility = text(call.body, "visibility", required=True).lower()
    if visibility not in ("private", "public") or call.body.keys() - {"visibility"}:
        raise invalid("Only a project's visibility is changed here, to private or public.")
    with call.organization.store.lock:
        project = call.organization.project(call.path["projectId"])
        call.organization.projects.save(project["id"], project | {"visibility": visibility})
    return _operation(call, project["id"])


def properties(call: Call) -> list[Document]:
    """The project's properties of the names that `keys` gives, all without; `*` and `?` stand for any."""
    found = call.organization.project(call.path["projectId"]).get("properties", {})
    asked = call.texts("keys") or ["*"]
    return [
        {"name": name, "value": value}
        for name, value in sorted(found.items())
        if any(fnmatch(name.lower(), one.lower()) for one in asked)
    ]


def change_properties(call: Call) -> Answer:
    """A JSON patch of `add`, which also replaces, and `remove`."""
    administrator(call)
    with call.organization.store.lock:
        project = call.organization.project(call.path["projectId"])
        found = dict(project.get("properties", {}))
        for item in call.items:
            verb, path = text(item, "op", required=True).lower(), text(item, "path", required=True)
            name = path.removeprefix("/").replace("~1", "/").replace("~0", "~")
            if verb not in ("add", "remove") or not path.startswith("/"):
                raise invalid(f"'{verb}' of '{path}': a project's properties take add and remove of /name.")
            found.pop(name, None)
            if verb == "add":
                found[name] = item.get("value")
        call.organization.projects.save(project["id"], project | {"properties": found})
    return Answer()


def operation(call: Call) -> Document:
    return _operation(call, call.organization.project(call.path["operationId"])["id"]) | {
        "status": "succeeded"
    }


def _operation(call: Call, key: str) -> Document:
    return {"id": key, "status": "queued", "url": f"{call.organization.url}/_apis/operations/{key}"}


def _project(organization: Organization, project: Document) -> Document:
    url = f"{organization.url}/_apis/projects/{project['id']}"
    return project_reference(organization, project) | {
        "description": project["description"],
        "capabilities": {
            "versioncontrol": {"sourceControlType": "Git"},
            "processTemplate": {"templateName": "Basic"},
        },
        "_links": {"self": {"href": url}, "web": {"href": f"{organization.url}/{quote(project['name'])}"}},
    }


RESOURCES = [
    Resource(
        "603fe2ac-9723-48b9-88ad-09305aa6c6e1",
        "core",
        "projects",
        "_apis/projects/{projectId}",
        4,
        collection={"GET": every, "POST": create},
        item={"GET": one, "PATCH": change},
    ),
    Resource(
        "4976a71a-4487-49aa-8aab-a1eda469037a",
        "core",
        "properties",
        "_apis/projects/{projectId}/properties",
        item={"GET": properties, "PATCH": change_properties},
    ),
    Resource(
        "9a1b74b4-2ca8-4a9f-8470-c2f2e6fdc949",
        "operations",
        "operations",
        "_apis/operations/{operationId}",
        item={"GET": operation},
    ),
]
