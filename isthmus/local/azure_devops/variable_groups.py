"""Variable groups of the library."""

from __future__ import annotations

from fnmatch import fnmatch

from isthmus.local.azure_devops import resources
from isthmus.local.azure_devops.access import contributor
from isthmus.local.azure_devops.call import Answer, Call, mapping, objects, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.security_roles import manager
from isthmus.local.azure_devops.store import Document


def every(call: Call) -> list[Document]:
    name, ids = call.query.get("groupname", "").lower(), call.texts("groupIds")
    return [
        _shown(call.organization, one)
        for one in call.organization.table("variablegroup")
        if one["project"] == call.project["id"]
        and fnmatch(one["name"].lower(), name or "*")
        and (not ids or str(one["id"]) in ids)
    ]


def one(call: Call) -> Document:
    return _shown(call.organization, _group(call, call.project["id"]))


def change(call: Call) -> Document:
    """Replace what the group holds."""
    found = _group(call, _project(call)["id"])
    manager(call, "variablegroup", found)
    changed = found | {
        "name": text(call.body, "name", required=True),
        "description": text(call.body, "description"),
        "variables": _variables(call),
    }
    return _shown(
        call.organization, call.organization.table("variablegroup").save(found["id"], found | changed)
    )


def remove(call: Call) -> Answer:
    named = call.texts("projectIds") or [call.project["id"]]
    projects = {call.organization.project(one)["id"] for one in named}
    found = _group(call, *projects)
    manager(call, "variablegroup", found)
    resources.unguard(call.organization, "variablegroup", found)
    call.organization.table("variablegroup").drop(found["id"])
    return Answer(None)


def _project(call: Call) -> Document:
    """The project in the URL, or the first of those that the body says the group belongs to."""
    references = objects(call.body, "variableGroupProjectReferences")
    given = mapping(references[0], "projectReference") if references else {}
    name = call.path.get("project") or text(given, "id") or text(given, "name", required=True)
    return call.organization.project(name)


def _group(call: Call, *projects: str) -> Document:
    found = call.organization.table("variablegroup").get(call.id("groupId"))
    if found is None or found["project"] not in projects:
        raise not_found(f"Variable group with ID {call.path['groupId']} does not exist.")
    return found


def create(call: Call) -> Document:
    contributor(call)
    project = _project(call)
    table = call.organization.table("variablegroup")
    group = text(call.body, "name", required=True)
    with call.organization.store.lock:
        if any(one["project"] == project["id"] and one["name"].lower() == group.lower() for one in table):
            raise Fault(409, "VariableGroupExistsException", f"Variable group {group} already exists.")
        made: Document = {
            "id": table.next_id(),
            "name": group,
            "description": text(call.body, "description"),
            "project": project["id"],
            "variables": _variables(call),
            "createdBy": call.principal.id,
            "createdOn": now(),
        }
        return _shown(call.organization, table.save(made["id"], made))


def _variables(call: Call) -> Document:
    variables = mapping(call.body, "variables")
    for key, value in variables.items():
        if not isinstance(value, dict):
            raise invalid(f"The variable '{key}' must be an object with a value.")
    return variables


def _shown(organization: Organization, group: Document) -> Document:
    """A VariableGroup; secrets stay inside."""
    hidden = {
        key: value | ({"value": None} if value.get("isSecret") else {})
        for key, value in group["variables"].items()
    }
    project = organization.project(group["project"])
    who = organization.identity_of(group["createdBy"])
    return {
        "id": group["id"],
        "name": group["name"],
        "description": group["description"],
        "type": "Vsts",
        "isShared": False,
        "variables": hidden,
        "createdBy": who,
        "createdOn": group["createdOn"],
        "modifiedBy": who,
        "modifiedOn": group["createdOn"],
        "variableGroupProjectReferences": [
            {"projectReference": {"id": project["id"], "name": project["name"]}, "name": group["name"]}
        ],
    }


RESOURCES = [
    Resource(
        "ef5b7057-ffc3-4c77-bbad-c10b4a4abcc7",
        "distributedtask",
        "variablegroups",
        "_apis/distributedtask/variablegroups/{groupId}",
        2,
        collection={"POST": create, "GET": every},
        item={"GET": one, "PUT": change, "DELETE": remove},
    ),
    Resource(
        "f5b09dd5-9d54-45a1-8b5a-1c8287d634cc",
        "distributedtask",
        "variablegroups",
        "{project}/_apis/distributedtask/variablegroups/{groupId}",
        2,
    ),
]
