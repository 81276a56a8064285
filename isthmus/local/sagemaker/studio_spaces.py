"""Studio's spaces: a person's own, or shared; each holds one kind of app."""

from __future__ import annotations

import copy
from typing import Any

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import domains, listing, tags
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import in_use, not_found
from isthmus.local.sagemaker.state import now


def create(call: Call) -> Record:
    domain = domains.find(call)
    owner = owner_of(call.params)
    if bool(owner) != bool(call.get("SpaceSharingSettings")):
        raise invalid("OwnershipSettings and SpaceSharingSettings must be given together.")
    if owner and f"{domain['DomainId']}/{owner.lower()}" not in call.space["user-profiles"]:
        raise not_found(f"UserProfile [{owner}] does not exist.")
    if _key(call) in call.space["studio-spaces"]:
        raise in_use(f"Space [{_arn(call)}] already exists.")
    given = call.given(
        "SpaceName", "SpaceDisplayName", "SpaceSettings", "OwnershipSettings", "SpaceSharingSettings"
    )
    call.space["studio-spaces"][_key(call)] = {
        "DomainId": domain["DomainId"],
        "SpaceArn": _arn(call),
        "Status": "InService",
        **copy.deepcopy(given),
        **call.signed(),
        "_Owner": owner,
    }
    tags.put(call.space, _arn(call), call.get("Tags"))
    return {"SpaceArn": _arn(call)}


def owner_of(space: Record) -> str:
    """The name of the owner's user profile; empty for a space that is everybody's."""
    return str(space.get("OwnershipSettings", {}).get("OwnerUserProfileName", ""))


def sharing_of(space: Record) -> str:
    """`Private` or `Shared`; empty for a space that is everybody's."""
    return str(space.get("SpaceSharingSettings", {}).get("SharingType", ""))


def _key(call: Call) -> str:
    return f"{call['DomainId']}/{call['SpaceName'].lower()}"


def _arn(call: Call) -> str:
    return call.space.arn("space", _key(call))


def find(call: Call) -> Record:
    """The space that the call names; raises ResourceNotFound."""
    record = call.space["studio-spaces"].get(_key(call))
    if record is None:
        raise not_found(f"Space [{_arn(call)}] does not exist.")
    return record


def describe(call: Call) -> Record:
    return find(call)


def list_(call: Call) -> Record:
    records = [_summary(record) for record in call.space["studio-spaces"].values()]
    return listing.page(call, records, "Spaces", order="Ascending")


def _summary(record: Record) -> Record:
    settings: dict[str, Any] = record.get("SpaceSettings", {})
    return record | {
        "SpaceSettingsSummary": {key: settings.get(key) for key in ("AppType", "SpaceStorageSettings")},
        "SpaceSharingSettingsSummary": record.get("SpaceSharingSettings"),
        "OwnershipSettingsSummary": record.get("OwnershipSettings"),
    }


def update(call: Call) -> Record:
    record = find(call)
    record["SpaceSettings"] = record.get("SpaceSettings", {}) | copy.deepcopy(call.get("SpaceSettings") or {})
    record.update(call.given("SpaceDisplayName") | {"LastModifiedTime": now()})
    return {"SpaceArn": record["SpaceArn"]}


def delete(call: Call) -> Record:
    record = find(call)
    owned = {"DomainId": record["DomainId"], "SpaceName": record["SpaceName"]}
    domains.require_none(call, "apps", f"Space [{record['SpaceArn']}]", "App", **owned)
    del call.space["studio-spaces"][_key(call)]
    tags.drop(call.space, record["SpaceArn"])
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateSpace": create,
    "DescribeSpace": describe,
    "ListSpaces": list_,
    "UpdateSpace": update,
    "DeleteSpace": delete,
}
