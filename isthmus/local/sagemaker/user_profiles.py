"""Studio's user profiles: one person in a domain, and the role that works for her."""

from __future__ import annotations

import copy

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import domains, listing, tags
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import in_use, not_found
from isthmus.local.sagemaker.state import now


def create(call: Call) -> Record:
    domain, name = domains.find(call), call["UserProfileName"]
    if (domain["AuthMode"] == "SSO") != ("SingleSignOnUserValue" in call.params):
        raise invalid("SingleSignOnUserValue is given exactly where the domain's AuthMode is SSO.")
    if _key(call) in call.space["user-profiles"]:
        raise in_use(f"UserProfile [{_arn(call)}] already exists.")
    if role := (call.get("UserSettings") or {}).get("ExecutionRole"):
        call.pass_role(role)
    call.space["user-profiles"][_key(call)] = {
        "DomainId": domain["DomainId"],
        "UserProfileName": name,
        "UserProfileArn": _arn(call),
        "Status": "InService",
        **copy.deepcopy(call.given("UserSettings", "SingleSignOnUserIdentifier", "SingleSignOnUserValue")),
        **call.signed(),
    }
    tags.put(call.space, _arn(call), call.get("Tags"))
    return {"UserProfileArn": _arn(call)}


def _key(call: Call) -> str:
    return f"{call['DomainId']}/{call['UserProfileName'].lower()}"


def _arn(call: Call) -> str:
    return call.space.arn("user-profile", _key(call))


def find(call: Call) -> Record:
    """The user profile that the call names; raises ResourceNotFound."""
    domains.find(call)
    record = call.space["user-profiles"].get(_key(call))
    if record is None:
        raise not_found(f"UserProfile [{_arn(call)}] does not exist.")
    return record


def execution_role(call: Call, profile: Record) -> str:
    """The role that works for a person: her own, else the domain's."""
    settings = profile.get("UserSettings", {})
    role: str = settings.get("ExecutionRole") or domains.find(call)["DefaultUserSettings"]["ExecutionRole"]
    return role


def describe(call: Call) -> Record:
    return find(call)


def list_(call: Call) -> Record:
    return listing.page(call, call.space["user-profiles"].values(), "UserProfiles", order="Ascending")


def update(call: Call) -> Record:
    record = find(call)
    settings = copy.deepcopy(call.get("UserSettings") or {})
    if role := settings.get("ExecutionRole"):
        call.pass_role(role)
    record["UserSettings"] = record.get("UserSettings", {}) | settings
    record["LastModifiedTime"] = now()
    return {"UserProfileArn": record["UserProfileArn"]}


def delete(call: Call) -> Record:
    record, name = find(call), call["UserProfileName"]
    whole, domain = f"UserProfile [{_arn(call)}]", record["DomainId"]
    domains.require_none(call, "apps", whole, "App", DomainId=domain, UserProfileName=name)
    domains.require_none(call, "studio-spaces", whole, "Space", DomainId=domain, _Owner=name)
    del call.space["user-profiles"][_key(call)]
    tags.drop(call.space, _arn(call))
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateUserProfile": create,
    "DescribeUserProfile": describe,
    "ListUserProfiles": list_,
    "UpdateUserProfile": update,
    "DeleteUserProfile": delete,
}
