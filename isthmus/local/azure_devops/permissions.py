"""Which pipelines may use which protected resource."""

from __future__ import annotations

from isthmus.local.azure_devops import resources
from isthmus.local.azure_devops.call import Call, mapping, objects, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import invalid
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.security_roles import manager, manager_of_all
from isthmus.local.azure_devops.store import Document


def one(call: Call) -> Document:
    return _shown(call, *_named(call))


def change(call: Call) -> Document:
    return _change(call, *_named(call), call.body)


def change_many(call: Call) -> list[Document]:
    changed = []
    for item in call.items:
        given = mapping(item, "resource")
        changed.append(_change(call, *_resource(call, text(given, "type"), text(given, "id")), item))
    return changed


def _named(call: Call) -> tuple[str, str, Document]:
    return _resource(call, call.path["resourceType"], call.path["resourceId"])


def _resource(call: Call, type_: str, key: str) -> tuple[str, str, Document]:
    return type_.lower(), key, resources.find(call.organization, call.project, type_, key)


def _change(call: Call, type_: str, key: str, resource: Document, body: Document) -> Document:
    manager(call, type_, resource)
    if type_ == "environment" and mapping(body, "allPipelines").get("authorized"):
        # https://github.com/microsoft/terraform-provider-azuredevops/issues/923
        manager_of_all(call, type_)
    table = call.organization.table("permission")
    stored = f"{type_}/{resource['id']}"
    with call.organization.store.lock:
        permission = table.get(stored) or {"all": None, "pipelines": {}}
        if "allPipelines" in body:
            everyone = bool(mapping(body, "allPipelines").get("authorized"))
            permission["all"] = [call.principal.id, now()] if everyone else None
        for item in objects(body, "pipelines"):
            number = item.get("id")
            if not isinstance(number, int):
                raise invalid("pipelines[].id must be the number of a pipeline.")
            call.organization.pipeline(number, call.project)
            if item.get("authorized"):
                permission["pipelines"].setdefault(str(number), [call.principal.id, now()])
            else:
                permission["pipelines"].pop(str(number), None)
        table.save(stored, permission)
    return _shown(call, type_, key, resource)


def _shown(call: Call, type_: str, key: str, resource: Document) -> Document:
    """A ResourcePipelinePermissions."""
    stored = call.organization.table("permission").get(f"{type_}/{resource['id']}")
    permission = stored or {"all": None, "pipelines": {}}
    everyone = {"allPipelines": _authorized(call, *permission["all"])} if permission["all"] else {}
    return {
        "resource": {"type": type_, "id": key, "name": resource["name"]},
        "pipelines": [
            {"id": int(number)} | _authorized(call, *given)
            for number, given in permission["pipelines"].items()
        ],
        **everyone,
    }


def _authorized(call: Call, who: str, moment: str) -> Document:
    return {"authorized": True, "authorizedBy": call.organization.identity_of(who), "authorizedOn": moment}


RESOURCES = [
    Resource(
        "b5b9a4a4-e6cd-4096-853c-ab7d8b0c4eb2",
        "pipelinePermissions",
        "pipelinePermissions",
        "{project}/_apis/pipelines/pipelinePermissions/{resourceType}/{resourceId}",
        item={"GET": one, "PATCH": change},
    ),
    Resource(
        "b5b9a4a4-e6cd-4096-853c-ab7d8b0c4eb3",
        "pipelinePermissions",
        "pipelinePermissionsBatch",
        "{project}/_apis/pipelines/pipelinePermissions",
        collection={"PATCH": change_many},
    ),
]
