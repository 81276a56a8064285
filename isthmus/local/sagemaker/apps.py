"""Studio's apps, which cost money by the hour while they run. Here none runs: it is kept that one is there.

A deleted app stays in the list for a day as `Deleted`, as in AWS.
"""

from __future__ import annotations

import copy

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import domains, listing, studio_spaces, tags, user_profiles
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import in_use, not_found


def create(call: Call) -> Record:
    domains.find(call)
    owner = _owner(call)
    if (call.space["apps"].get(_key(call)) or {"Status": "Deleted"})["Status"] != "Deleted":
        raise in_use(f"App [{_arn(call)}] already exists.")
    kind = owner.get("SpaceSettings", {}).get("AppType")
    if kind and kind != call["AppType"]:
        raise invalid(f"Space [{owner['SpaceArn']}] has AppType {kind}, not {call['AppType']}.")
    given = call.given(
        "DomainId", "UserProfileName", "SpaceName", "AppType", "AppName", "ResourceSpec", "RecoveryMode"
    )
    call.space["apps"][_key(call)] = {
        "AppArn": _arn(call),
        "Status": "InService",
        **copy.deepcopy(given),
        **call.signed(),
    }
    tags.put(call.space, _arn(call), call.get("Tags"))
    return {"AppArn": _arn(call)}


def _owner(call: Call) -> Record:
    """The space or user profile that the app is in."""
    if ("SpaceName" in call.params) == ("UserProfileName" in call.params):
        raise invalid("Exactly one of SpaceName and UserProfileName must be given.")
    return studio_spaces.find(call) if "SpaceName" in call.params else user_profiles.find(call)


def _key(call: Call) -> str:
    owner = call.get("SpaceName") or call.get("UserProfileName")
    return f"{call['DomainId']}/{owner}/{call['AppType']}/{call['AppName']}".lower()


def _arn(call: Call) -> str:
    return call.space.arn("app", _key(call))


def find(call: Call) -> Record:
    """The app that the call names; raises ResourceNotFound."""
    record = call.space["apps"].get(_key(call))
    if record is None:
        raise not_found(f"App [{_arn(call)}] does not exist.")
    return record


def describe(call: Call) -> Record:
    return find(call)


def list_(call: Call) -> Record:
    return listing.page(call, call.space["apps"].values(), "Apps", order="Ascending")


def delete(call: Call) -> Record:
    record = find(call)
    if record["Status"] == "Deleted":
        raise not_found(f"App [{record['AppArn']}] does not exist.")
    record["Status"] = "Deleted"
    tags.drop(call.space, record["AppArn"])
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateApp": create,
    "DescribeApp": describe,
    "ListApps": list_,
    "DeleteApp": delete,
}
