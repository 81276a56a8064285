"""Studio's lifecycle configurations: the scripts that run when an app starts. They are kept here, not run."""

from __future__ import annotations

import base64
import binascii

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import listing, tags
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import in_use, not_found

NAME = "StudioLifecycleConfigName"


def create(call: Call) -> Record:
    name: str = call[NAME]
    arn = call.space.arn("studio-lifecycle-config", name)
    if name.lower() in call.space["lifecycle-configs"]:
        raise in_use(f"StudioLifecycleConfig [{arn}] already exists.")
    try:
        base64.b64decode(call["StudioLifecycleConfigContent"], validate=True)
    except binascii.Error:
        raise invalid("StudioLifecycleConfigContent is not base64.") from None
    call.space["lifecycle-configs"][name.lower()] = {
        "StudioLifecycleConfigArn": arn,
        **call.given(NAME, "StudioLifecycleConfigContent", "StudioLifecycleConfigAppType"),
        **call.signed(),
    }
    tags.put(call.space, arn, call.get("Tags"))
    return {"StudioLifecycleConfigArn": arn}


def find(call: Call) -> Record:
    record = call.space["lifecycle-configs"].get(call[NAME].lower())
    if record is None:
        raise not_found(f"StudioLifecycleConfig [{call[NAME]}] does not exist.")
    return record


def describe(call: Call) -> Record:
    return find(call)


def list_(call: Call) -> Record:
    wanted = call.get("AppTypeEquals")
    records = [
        record
        for record in call.space["lifecycle-configs"].values()
        if wanted in (None, record["StudioLifecycleConfigAppType"])
    ]
    return listing.page(call, records, "StudioLifecycleConfigs", name=NAME)


def delete(call: Call) -> Record:
    """Refused while a domain or user profile names it."""
    record = find(call)
    arn = record["StudioLifecycleConfigArn"]
    for table in ("domains", "user-profiles"):
        if any(arn in str(user) for user in call.space[table].values()):
            raise in_use(f"Unable to delete StudioLifecycleConfig [{arn}] because it is in use.")
    del call.space["lifecycle-configs"][record[NAME].lower()]
    tags.drop(call.space, arn)
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateStudioLifecycleConfig": create,
    "DescribeStudioLifecycleConfig": describe,
    "ListStudioLifecycleConfigs": list_,
    "DeleteStudioLifecycleConfig": delete,
}
