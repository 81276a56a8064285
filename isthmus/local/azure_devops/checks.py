"""Check configurations: what must hold before a stage may use an environment or a service connection."""

from __future__ import annotations

from isthmus.local.azure_devops import hours, resources
from isthmus.local.azure_devops.call import Answer, Call, mapping, objects, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import invalid, not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.security_roles import manager
from isthmus.local.azure_devops.store import Document

APPROVAL = "8c6f20a7-a545-4486-9777-f762fafe0d4d"
EXCLUSIVE_LOCK = "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563"
EXTENDS = "4020e66e-b0f3-47e1-bc88-48f3cc59b5f3"
TASK = "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7"
BRANCH_CONTROL = "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b"
NAMES = {APPROVAL: "Approval", EXCLUSIVE_LOCK: "ExclusiveLock", EXTENDS: "ExtendsCheck", TASK: "Task Check"}
TIMEOUT_MINUTES = 43200


def on_resource(call: Call) -> list[Document]:
    type_, key = call.query.get("resourcetype", ""), call.query.get("resourceid", "")
    return _on(call, type_, key)


def query(call: Call) -> list[Document]:
    """The checks of several resources."""
    return [check for item in call.items for check in _on(call, text(item, "type"), text(item, "id"))]


def _on(call: Call, type_: str, key: str) -> list[Document]:
    found = resources.find(call.organization, call.project, type_, key)
    wanted = [type_.lower(), str(found["id"])]
    return [
        shown(call.organization, one) for one in call.organization.table("check") if one["resource"] == wanted
    ]


def one(call: Call) -> Document:
    return shown(call.organization, _of(call))


def create(call: Call) -> Document:
    given = mapping(call.body, "resource")
    type_ = text(given, "type", required=True).lower()
    found = resources.find(call.organization, call.project, type_, text(given, "id", required=True))
    manager(call, type_, found)
    kind = text(mapping(call.body, "type"), "id", required=True).lower()
    settings = _settings(call.organization, kind, mapping(call.body, "settings"))
    table = call.organization.table("check")
    with call.organization.store.lock:
        made: Document = {
            "id": table.next_id(),
            "project": call.project["id"],
            "type": kind,
            "settings": settings,
            "timeout": _timeout(call.body),
            "isDisabled": bool(call.body.get("isDisabled")),
            "resource": [type_, str(found["id"])],
            "resourceName": found["name"],
            "createdBy": call.principal.id,
            "createdOn": now(),
            "modifiedBy": call.principal.id,
            "modifiedOn": now(),
        }
        return shown(call.organization, table.save(made["id"], made))


def change(call: Call) -> Document:
    check = _managed(call)
    if "settings" in call.body:
        check["settings"] = _settings(call.organization, check["type"], mapping(call.body, "settings"))
    check |= {
        "timeout": _timeout(call.body, check["timeout"]),
        "isDisabled": bool(call.body.get("isDisabled", check["isDisabled"])),
        "modifiedBy": call.principal.id,
        "modifiedOn": now(),
    }
    return shown(call.organization, call.organization.table("check").save(check["id"], check))


def remove(call: Call) -> Answer:
    call.organization.table("check").drop(_managed(call)["id"])
    return Answer()


def _managed(call: Call) -> Document:
    """The check that the path names, once the caller may change it."""
    check = _of(call)
    type_, key = check["resource"]
    manager(call, type_, resources.find(call.organization, call.project, type_, key))
    return check


def _timeout(body: Document, default: int = TIMEOUT_MINUTES) -> int:
    value = body.get("timeout", default)
    if not isinstance(value, int) or not 1 <= value <= TIMEOUT_MINUTES:
        raise invalid(f"timeout must be a number of minutes from 1 to {TIMEOUT_MINUTES}.")
    return value


def _settings(organization: Organization, kind: str, settings: Document) -> Document:
    """The settings, once they are such as can really be evaluated here."""
    if kind == APPROVAL:
        _approval(organization, settings)
    elif kind == EXTENDS:
        for item in objects(settings, "extendsChecks") or [{}]:
            for key in ("repositoryType", "repositoryName", "repositoryRef", "templatePath"):
                text(item, key, required=True)
    elif kind == TASK:
        _task(text(mapping(settings, "definitionRef"), "id", required=True).lower(), settings)
    elif kind != EXCLUSIVE_LOCK:
        raise invalid(f"No check of type {kind} is evaluated here; known: {', '.join(NAMES)}.")
    return settings


def _task(name: str, settings: Document) -> None:
    if name == BRANCH_CONTROL:
        text(mapping(settings, "inputs"), "allowedBranches", required=True)
    elif name == hours.NAME:
        hours.given(mapping(settings, "inputs"))
    else:
        known = f"branch control ({BRANCH_CONTROL}) and business hours ({hours.NAME})"
        raise invalid(f"Of task checks only {known} are evaluated here, not {name}.")


def is_of(check: Document, name: str) -> bool:
    """Whether it is the task check of that id."""
    return bool(check["type"] == TASK and check["settings"]["definitionRef"]["id"].lower() == name)


def _approval(organization: Organization, settings: Document) -> None:
    approvers = objects(settings, "approvers")
    if not approvers:
        raise invalid("An approval needs at least one approver.")
    for approver in approvers:
        key = text(approver, "id", required=True)
        if organization.principals.get(key) is None:
            raise invalid(f"There is no identity {key}, so it cannot approve.")
    if not isinstance(settings.get("minRequiredApprovers", 0), int):
        raise invalid("minRequiredApprovers must be a number.")


def _of(call: Call) -> Document:
    check = call.organization.table("check").get(call.id("id"))
    if check is None or check["project"] != call.project["id"]:
        raise not_found(f"Check configuration {call.path['id']} could not be found.")
    return check


def shown(organization: Organization, check: Document) -> Document:
    """A CheckConfiguration, with the settings that Microsoft's description leaves out."""
    url = f"{organization.url}/{check['project']}/_apis/pipelines/checks/configurations/{check['id']}"
    type_, key = check["resource"]
    settings = check["settings"]
    if check["type"] == APPROVAL:
        approvers = (organization.identity_of(one["id"]) for one in settings["approvers"])
        settings = settings | {"approvers": [one for one in approvers if one]}
    return {
        "settings": settings,
        "createdBy": organization.identity_of(check["createdBy"]),
        "createdOn": check["createdOn"],
        "modifiedBy": organization.identity_of(check["modifiedBy"]),
        "modifiedOn": check["modifiedOn"],
        "timeout": check["timeout"],
        "isDisabled": check["isDisabled"],
        "_links": {"self": {"href": url}},
        "id": check["id"],
        "type": {"id": check["type"], "name": NAMES[check["type"]]},
        "url": url,
        "resource": {"type": type_, "id": key, "name": check["resourceName"]},
    }


RESOURCES = [
    Resource(
        "86c8381e-5aee-4cde-8ae4-25c0c7f5eaea",
        "PipelinesChecks",
        "configurations",
        "{project}/_apis/pipelines/checks/configurations/{id}",
        collection={"GET": on_resource, "POST": create},
        item={"GET": one, "PATCH": change, "DELETE": remove},
    ),
    Resource(
        "5f3d0e64-f943-4584-8811-77eb495e831e",
        "PipelinesChecks",
        "queryconfigurations",
        "{project}/_apis/pipelines/checks/queryconfigurations",
        collection={"POST": query},
    ),
]
