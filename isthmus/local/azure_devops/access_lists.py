"""Access control lists: which bits of a security namespace are allowed and denied to whom, token by token."""

from __future__ import annotations

from isthmus.local.azure_devops.access import administrator, effective
from isthmus.local.azure_devops.call import Call, objects, text
from isthmus.local.azure_devops.faults import invalid
from isthmus.local.azure_devops.identities import of
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


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
            who = of(call, text(entry, "descriptor", required=True)).identity_descriptor
            known = listed.get(who, {"allow": 0, "deny": 0}) if merge else {"allow": 0, "deny": 0}
            allow, deny = _bits(entry, "allow"), _bits(entry, "deny")
            listed[who] = {"allow": known["allow"] & ~deny | allow, "deny": known["deny"] & ~allow | deny}
        table.save(key, listed)
    return [_entry(who, bits) for who, bits in listed.items()]


def lists(call: Call) -> list[Document]:
    """The lists of a namespace on a token; with `includeExtendedInfo`, what it comes to for `descriptors`."""
    namespace = call.path["securityNamespaceId"].lower()
    token = call.query.get("token", "")
    wanted = call.texts("descriptors")
    if wanted and call.query.get("includeextendedinfo", "").lower() == "true":
        return [_list(token, [_extended(call, namespace, token, who) for who in wanted])]
    found = call.organization.table("acl").below(f"{namespace}/{token}")
    is_recursive = call.query.get("recurse", "").lower() == "true"
    named = [(key.partition("/")[2], listed) for key, listed in found]
    return [
        _list(each, entries)
        for each, listed in named
        if each == token or (is_recursive and each.startswith(f"{token}/"))
        if (entries := _entries(listed, wanted))
    ]


def _list(token: str, entries: list[Document]) -> Document:
    return {
        "inheritPermissions": True,
        "token": token,
        "acesDictionary": {one["descriptor"]: one for one in entries},
    }


def _entries(listed: Document, wanted: list[str]) -> list[Document]:
    return [_entry(who, bits) for who, bits in listed.items() if not wanted or who in wanted]


def _extended(call: Call, namespace: str, token: str, who: str) -> Document:
    """An entry, also where there is none of its own, with what it and those above leave to whom it is of."""
    listed = call.organization.table("acl").get(f"{namespace}/{token}") or {}
    left = effective(call.organization, of(call, who), namespace, token)
    bits = listed.get(who, {"allow": 0, "deny": 0})
    return _entry(who, bits) | {"extendedInfo": {"effectiveAllow": left}}


def _bits(entry: Document, name: str) -> int:
    value = entry.get(name) or 0
    if not isinstance(value, int):
        raise invalid(f"{name} must be a number.")
    return value


def _entry(who: str, bits: Document) -> Document:
    return {"descriptor": who, **bits}


RESOURCES = [
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
