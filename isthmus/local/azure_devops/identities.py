"""Identities, the graph of users, groups and service principals, and what they were granted."""

from __future__ import annotations

from isthmus.local.azure_devops.call import Call
from isthmus.local.azure_devops.faults import invalid, not_found
from isthmus.local.azure_devops.organization import unique_name
from isthmus.local.azure_devops.principals import Kind, Principal
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


def search(call: Call) -> list[Document]:
    """Identities by id, descriptor, or (`searchFilter`, `filterValue`) name."""
    ids = call.texts("identityIds") + call.texts("subjectDescriptors") + call.texts("descriptors")
    if ids:
        found = [call.organization.principals.get(one) for one in ids]
        return [_with_members(call, one) for one in found if one]
    wanted = call.query.get("filtervalue", "").lower()
    if not wanted:
        raise invalid("Name the identities by identityIds, or by searchFilter and filterValue.")
    return [_identity(one) for one in call.organization.principals if wanted in _names(one)]


def _with_members(call: Call, principal: Principal) -> Document:
    """An identity and, where `queryMembership` asks for them, who is in the group."""
    found = _identity(principal)
    if call.query.get("querymembership", "None").lower() in ("direct", "expanded"):
        members = call.organization.principals.members(principal) if found["isContainer"] else []
        found["members"] = [one.identity_descriptor for one in members]
        found["memberIds"] = [one.id for one in members]
    return found


def _names(principal: Principal) -> set[str]:
    names = principal.name, principal.display_name, unique_name(principal)
    return {name.lower() for name in names}


def one(call: Call) -> Document:
    return _identity(of(call, call.path["identityId"]))


def me(call: Call) -> Document:
    return {"id": call.principal.id, "displayName": call.principal.display_name}


def _identity(principal: Principal) -> Document:
    """An Identity of the identity service."""
    return {
        "id": principal.id,
        "descriptor": principal.identity_descriptor,
        "subjectDescriptor": principal.descriptor,
        "providerDisplayName": principal.display_name,
        "isActive": True,
        "isContainer": principal.kind == "group",
        "members": [],
        "memberOf": [],
        "memberIds": [],
        "properties": {
            "Account": {"$type": "System.String", "$value": unique_name(principal)},
            "SchemaClassName": {
                "$type": "System.String",
                "$value": "Group" if principal.kind == "group" else "User",
            },
        },
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


def users(call: Call) -> list[Document]:
    return _subjects(call, "user")


def groups(call: Call) -> list[Document]:
    return _subjects(call, "group")


def service_principals(call: Call) -> list[Document]:
    return _subjects(call, "application")


def _subjects(call: Call, kind: Kind) -> list[Document]:
    return [_subject(call, one) for one in call.organization.principals if one.kind == kind]


def descriptor(call: Call) -> Document:
    return {"value": of(call, call.path["storageKey"]).descriptor}


def storage_key(call: Call) -> Document:
    return {"value": of(call, call.path["subjectDescriptor"]).id}


def of(call: Call, key: str) -> Principal:
    found = call.organization.principals.get(key)
    if found is None:
        raise not_found(
            f"TF14045: The identity with id {key} could not be found.", "IdentityNotFoundException"
        )
    return found


def _subject(call: Call, principal: Principal) -> Document:
    """A GraphSubject: GraphUser, GraphGroup or GraphServicePrincipal."""
    kinds = {"user": "user", "group": "group", "application": "servicePrincipal", "service": "user"}
    application = {"applicationId": principal.application} if principal.application else {}
    return {
        "subjectKind": kinds[principal.kind],
        "displayName": principal.display_name,
        "principalName": unique_name(principal),
        "mailAddress": unique_name(principal) if principal.kind == "user" else "",
        "origin": "aad" if principal.kind != "group" else "vsts",
        "originId": principal.id,
        "descriptor": principal.descriptor,
        "url": f"{call.organization.url}/_apis/Graph/{principal.descriptor}",
        **application,
    }


RESOURCES = [
    Resource(
        "28010c54-d0c0-4c89-a5b0-1c9e188b9fb7",
        "IMS",
        "Identities",
        "_apis/identities/{identityId}",
        collection={"GET": search},
        item={"GET": one},
    ),
    Resource(
        "4bb02b5b-c120-4be2-b68e-21f7c50a4b82", "IMS", "me", "_apis/identities/me", collection={"GET": me}
    ),
    Resource(
        "005e26ec-6b77-4e4f-a986-b3827bf241f5",
        "Graph",
        "Users",
        "_apis/graph/users",
        collection={"GET": users},
    ),
    Resource(
        "ebbe6af8-0b91-4c13-8cf1-777c14858188",
        "Graph",
        "Groups",
        "_apis/graph/groups",
        collection={"GET": groups},
    ),
    Resource(
        "e1dbb0ae-49cb-4532-95a1-86cd89cfcab4",
        "Graph",
        "ServicePrincipals",
        "_apis/graph/serviceprincipals",
        collection={"GET": service_principals},
    ),
    Resource(
        "048aee0a-7072-4cde-ab73-7af77b1e0b4e",
        "Graph",
        "Descriptors",
        "_apis/graph/descriptors/{storageKey}",
        item={"GET": descriptor},
    ),
    Resource(
        "eb85f8cc-f0f6-4264-a5b1-ffe2e4d4801f",
        "Graph",
        "StorageKeys",
        "_apis/graph/storagekeys/{subjectDescriptor}",
        item={"GET": storage_key},
    ),
]
