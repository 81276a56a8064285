"""Security roles: who is Administrator, User or Reader of environments, service connections, variable groups.

Who makes one is its Administrator. What is said of one goes before what is said of all that the project has,
which it inherits, and always does here. https://learn.microsoft.com/azure/devops/pipelines/policies/permissions
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isthmus.local.azure_devops.call import Answer, Call, text
from isthmus.local.azure_devops.faults import invalid, not_found, refused
from isthmus.local.azure_devops.identities import of
from isthmus.local.azure_devops.organization import Organization, unique_name
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

ADMINISTRATOR, CREATOR, USER, READER = "Administrator", "Creator", "User", "Reader"


@dataclass(frozen=True)
class Scope:
    """The roles on a thing of a `type_`, whose id follows the project's after `separator`; or on all of them.

    `roles` are their permissions as bits, `given` what Azure DevOps gives the groups of a new project, and
    `above` is the scope that is inherited.
    """

    type_: str
    separator: str
    roles: dict[str, int]
    above: str = ""
    given: dict[str, str] = field(default_factory=dict)


SCOPES = {
    "distributedtask.environmentreferencerole": Scope(
        "environment",
        "_",
        {ADMINISTRATOR: 27, USER: 17, READER: 1},
        above="distributedtask.globalenvironmentreferencerole",
    ),
    "distributedtask.globalenvironmentreferencerole": Scope(
        "environment",
        "",
        {ADMINISTRATOR: 59, CREATOR: 33, USER: 17, READER: 1},
        given={"Contributors": CREATOR, "Project Administrators": CREATOR, "Project Valid Users": READER},
    ),
    "distributedtask.serviceendpointrole": Scope(
        "endpoint",
        "_",
        {ADMINISTRATOR: 3, USER: 1, READER: 16},
        above="distributedtask.project.serviceendpointrole",
    ),
    "distributedtask.project.serviceendpointrole": Scope(
        "endpoint",
        "",
        {ADMINISTRATOR: 3, CREATOR: 4, USER: 1, READER: 16},
        given={"Endpoint Administrators": ADMINISTRATOR, "Endpoint Creators": CREATOR},
    ),
    "distributedtask.variablegroup": Scope(
        "variablegroup",
        "$",
        {ADMINISTRATOR: 19, USER: 17, READER: 1},
        above="distributedtask.library",
    ),
    "distributedtask.library": Scope(
        "variablegroup",
        "$0",
        {ADMINISTRATOR: 19, CREATOR: 5, USER: 17, READER: 1},
        given={
            "Project Administrators": ADMINISTRATOR,
            "Build Administrators": ADMINISTRATOR,
            "Release Administrators": ADMINISTRATOR,
            "Contributors": CREATOR,
            "Project Valid Users": READER,
        },
    ),
}


@dataclass(frozen=True)
class Place:
    """What roles are of: one thing of a project, or (`thing` is None) all of its things of a type."""

    scope: str
    key: str
    project: Document
    thing: Document | None = None


def manager(call: Call, type_: str, thing: Document) -> None:
    """Only who administers that thing may go on."""
    project = call.organization.project(thing["project"])
    places = [_of_thing(type_, project, thing), _of_all(type_, project)] if type_ in _TYPES else []
    if not _administers(call, *places):
        raise _denied(call, f"{type_} {thing['name']}")


def manager_of_all(call: Call, type_: str) -> None:
    """Only who administers all things of that type may go on."""
    if not _administers(call, _of_all(type_, call.project)):
        raise _denied(call, f"every {type_} of {call.project['name']}")


def _administers(call: Call, *places: Place) -> bool:
    principals = call.organization.principals
    return call.principal.is_administrator or any(
        role == ADMINISTRATOR and principals.is_or_belongs(call.principal, who)
        for place in places
        for who, role in _assigned(call.organization, place).items()
    )


def _denied(call: Call, what: str) -> Exception:
    return refused(
        f"Access denied: {call.principal.display_name} needs the following permission(s) on {what} "
        "to perform this action: Administer Permissions"
    )


def _of_thing(type_: str, project: Document, thing: Document) -> Place:
    name, scope = _TYPES[type_]
    return Place(name, f"{project['id']}{scope.separator}{thing['id']}", project, thing)


def _of_all(type_: str, project: Document) -> Place:
    above = _TYPES[type_][1].above
    return Place(above, f"{project['id']}{SCOPES[above].separator}", project)


def _place(call: Call) -> Place | None:
    """What the path names; None for what is not there, of which Azure DevOps says nothing either."""
    name, key = call.path["scopeId"].lower(), call.path["resourceId"]
    if name not in SCOPES:
        raise not_found(f"The scope {call.path['scopeId']} could not be found.", "ScopeNotFoundException")
    scope, organization = SCOPES[name], call.organization
    of_project, _, of_thing = key.lower().partition(scope.separator or "_")
    project = next((one for one in organization.projects if one["id"] == of_project), None)
    if project is None or not scope.above:
        is_there = project and of_thing == ""
        return _of_all(scope.type_, project) if project and is_there else None
    thing = organization.table(scope.type_).get(of_thing)
    return _of_thing(scope.type_, project, thing) if thing and thing["project"] == project["id"] else None


def _assigned(organization: Organization, place: Place) -> dict[str, str]:
    """Roles by id of who has them: what Azure DevOps gave, and what was said since."""
    found: dict[str, str | None] = {}
    if place.thing:
        found[place.thing["createdBy"]] = ADMINISTRATOR
    for group, role in SCOPES[place.scope].given.items():
        of_project = organization.principals.group(f"[{place.project['name']}]\\{group}")
        found |= {of_project.id: role} if of_project else {}
    found |= organization.table("role").get(f"{place.scope}/{place.key}") or {}
    return {who: role for who, role in found.items() if role}


def every(call: Call) -> list[Document]:
    """Who has which role: by assignment, else as all things of the project have it."""
    place = _place(call)
    if place is None:
        return []
    assigned, scope = _assigned(call.organization, place), SCOPES[place.scope]
    above = _assigned(call.organization, _of_all(scope.type_, place.project)) if scope.above else {}
    # What is for a project alone, to make such things, is to read one of them.
    inherited = {who: role if role in scope.roles else READER for who, role in above.items()}
    return [_shown(call, place, who, role, "assigned") for who, role in assigned.items()] + [
        _shown(call, place, who, role, "inherited") for who, role in inherited.items() if who not in assigned
    ]


def assign(call: Call) -> list[Document]:
    return _assign(call, call.items)


def assign_one(call: Call) -> Document:
    (made,) = _assign(call, [call.body | {"userId": call.path["identityId"]}])
    return made


def _assign(call: Call, given: list[Document]) -> list[Document]:
    place = _managed(call)
    roles = {}
    for one in given:
        who, role = of(call, text(one, "userId", required=True)), text(one, "roleName", required=True)
        if role not in SCOPES[place.scope].roles:
            raise not_found(f"The role {role} could not be found.", "RoleNotFoundException")
        if who.id == call.principal.id:
            raise invalid("You cannot modify your own role.", "InvalidOperationException")
        roles[who.id] = role
    _save(call, place, roles)
    return [_shown(call, place, who, role, "assigned") for who, role in roles.items()]


def unassign_many(call: Call) -> Answer:
    ids = call.json
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise invalid("The body of the request must be a JSON array of ids.")
    return _unassign(call, ids)


def unassign_one(call: Call) -> Answer:
    return _unassign(call, [call.path["identityId"]])


def _unassign(call: Call, ids: list[str]) -> Answer:
    place = _managed(call)
    _save(call, place, {of(call, one).id: None for one in ids})
    return Answer(None)


def _save(call: Call, place: Place, roles: Mapping[str, str | None]) -> None:
    call.organization.table("role").merge(f"{place.scope}/{place.key}", dict(roles))


def _managed(call: Call) -> Place:
    place = _place(call)
    if place is None:
        raise not_found(f"The resource {call.path['resourceId']} could not be found.")
    type_ = SCOPES[place.scope].type_
    if not _administers(call, place, _of_all(type_, place.project)):
        raise _denied(call, f"{type_} {place.key}")
    return place


def definitions(call: Call) -> list[Document]:
    name = call.path["scopeId"].lower()
    if name not in SCOPES:
        raise not_found(f"The scope {call.path['scopeId']} could not be found.", "ScopeNotFoundException")
    return [_role(name, role) for role in SCOPES[name].roles]


def _role(scope: str, name: str) -> Document:
    """A SecurityRole."""
    return {
        "displayName": name,
        "name": name,
        "allowPermissions": SCOPES[scope].roles[name],
        "denyPermissions": 0,
        "identifier": f"{scope}.{name}",
        "scope": scope,
    }


def _shown(call: Call, place: Place, who: str, role: str, access: str) -> Document:
    """A RoleAssignment."""
    found = of(call, who)
    return {
        "identity": {"id": who, "displayName": found.display_name, "uniqueName": unique_name(found)},
        "role": _role(place.scope, role),
        "access": access,
        "accessDisplayName": access.capitalize(),
    }


_TYPES = {one.type_: (name, one) for name, one in SCOPES.items() if one.above}
RESOURCES = [
    Resource(
        "9461c234-c84c-4ed2-b918-2f0f92ad0a35",
        "securityroles",
        "roleassignments",
        "_apis/securityroles/scopes/{scopeId}/roleassignments/resources/{resourceId}/{identityId}",
        collection={"GET": every, "PUT": assign, "PATCH": unassign_many},
        item={"PUT": assign_one, "DELETE": unassign_one},
    ),
    Resource(
        "f4cc9a86-453c-48d2-b44d-d3bd5c105f4f",
        "securityroles",
        "roledefinitions",
        "_apis/securityroles/scopes/{scopeId}/roledefinitions",
        collection={"GET": definitions},
    ),
]
