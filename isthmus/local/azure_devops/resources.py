"""Protected resources: what a pipeline must be authorized for, and what checks may stand on.

A resource is named by its type and its id, as in `pipelines/checks` and `pipelines/pipelinePermissions`.
"""

from __future__ import annotations

from isthmus.local.azure_devops.faults import invalid, not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.store import Document

TYPES = {
    "environment": "environment",
    "endpoint": "endpoint",
    "repository": "repository",
    "variablegroup": "variablegroup",
}


def find(organization: Organization, project: Document, type_: str, key: str) -> Document:
    """The resource; raises 400 for a type that is not protected here, 404 where there is no such resource."""
    kind = type_.lower()
    if kind not in TYPES:
        raise invalid(f"Resource type '{type_}' is not protected here; one of {', '.join(TYPES)} is.")
    found = organization.table(TYPES[kind]).get(key.lower().rpartition(".")[2])
    if found is None or found["project"] != project["id"]:
        raise not_found(f"No {kind} with id {key} exists in project {project['name']}.")
    return found


def is_authorized(organization: Organization, type_: str, resource: Document, pipeline: int) -> bool:
    """Whether the pipeline may use the resource."""
    permission = organization.table("permission").get(f"{type_}/{resource['id']}") or {}
    return bool(permission.get("all")) or str(pipeline) in permission.get("pipelines", {})


def checks_on(organization: Organization, type_: str, resource: Document) -> list[Document]:
    return [
        check
        for check in organization.table("check")
        if check["resource"] == [type_, str(resource["id"])] and not check["isDisabled"]
    ]


def unguard(organization: Organization, type_: str, resource: Document) -> None:
    """Forget the checks on a resource that goes, and which pipelines might use it."""
    for check in organization.table("check"):
        if check["resource"] == [type_, str(resource["id"])]:
            organization.table("check").drop(check["id"])
    organization.table("permission").drop(f"{type_}/{resource['id']}")
