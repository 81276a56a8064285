"""Identities, the graph of users, groups and service principals, and what they were granted."""

from __future__ import annotations

from isthmus.local.azure_devops.access import administrator
from isthmus.local.azure_devops.call import Call, objects, text
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
        return [_identity(one) for one in found if one]
    wanted = call.query.get("filtervalue", "").lower()
    if not wanted:
        raise invalid("Name the identities by identityIds, or by searchFilter and filterValue.")
    return [_identity(one) for one in call.organization.principals if wanted in _names(one)]


def _names(principal: Principal) -> set[str]:
    names = principal.name, principal.display_name, unique_name(principal)
    return {name.lower() for name in names}


def one(call: Call) -> Document:
    return _identity(_of(call, call.path["identityId"]))


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
    return {"value": _of(call, call.path["storageKey"]).descriptor}


def storage_key(call: Call) -> Document:
    return {"value": _of(call, call.path["subjectDescriptor"]).id}


def _of(call: Call, key: str) -> Principal:
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


# ---- access control lists


def set_entries(call: Call) -> list[Document]:
    """Allow or deny bits of a namespace on a token, by descriptor; merged with what is there if so asked."""
    administrator(call)
    token = text(call.body, "token", required=True)
    merge = bool(call.body.get("merge"))
    table = call.organization.table("acl")
    key = f"{call.path['securityNamespaceId'].lower()}/{token}"
    with call.organization.store.lock:
        listed = table.get(key) or {}
        for entry in objects(call.body, "accessControlEntries"):
            who = _of(call, text(entry, "descriptor", required=True)).identity_descriptor
            known = listed.get(who, {"allow": 0, "deny": 0}) if merge else {"allow": 0, "deny": 0}
            allow, deny = _bits(entry, "allow"), _bits(entry, "deny")
            listed[who] = {"allow": known["allow"] & ~deny | allow, "deny": known["deny"] & ~allow | deny}
        table.save(key, listed)
    return [_entry(who, bits) for who, bits in listed.items()]


def lists(call: Call) -> list[Document]:
    namespace = call.path["securityNamespaceId"].lower()
    token = call.query.get("token", "")
    wanted = call.texts("descriptors")
    found = call.organization.table("acl").below(f"{namespace}/{token}")
    is_recursive = call.query.get("recurse", "").lower() == "true"
    named = [(key.partition("/")[2], listed) for key, listed in found]
    return [
        {"inheritPermissions": True, "token": each, "acesDictionary": entries}
        for each, listed in named
        if each == token or (is_recursive and each.startswith(f"{token}/"))
        if (entries := _entries(listed, wanted))
    ]


def _entries(listed: Document, wanted: list[str]) -> Document:
    shown = (_entry(who, bits) for who, bits in listed.items())
    return {one["descriptor"]: one for one in shown if not wanted or one["descriptor"] in wanted}


def _bits(entry: Document, name: str) -> int:
    value = entry.get(name) or 0
    if not isinstance(value, int):
        raise invalid(f"{name} must be a number.")
    return value


def _entry(who: str, bits: Document) -> Document:
    return {"descriptor": who, **bits}


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
    Resource(
        "ac08c8ff-4323-4b08-af90-bcd018d380ce",
        "Security",
        "AccessControlEntries",
        "_apis/accesscontrolentries/{securityNamespaceId}",
        item={"POST": set_entries},
    ),
    Resource(
        "18a2ad18-7571-46ae-bec7-0c7da1495885",
        "Security",
        "AccessControlLists",
        "_apis/accesscontrollists/{securityNamespaceId}",
        item={"GET": lists},
    ),
]
