"""Model package groups, and the policies that let other accounts use what is in them."""

from __future__ import annotations

import json

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import listing, tags
from isthmus.local.sagemaker.arns import parse
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import conflict
from isthmus.local.sagemaker.state import Space


def create(call: Call) -> Record:
    name: str = call["ModelPackageGroupName"]
    if name.lower() in call.space["groups"]:
        raise invalid(f"Model Package Group already exists: {call.space.arn('model-package-group', name)}")
    return {"ModelPackageGroupArn": make(call, name)["ModelPackageGroupArn"]}


def make(call: Call, name: str) -> Record:
    """Write a new group into the caller's registry."""
    arn = call.space.arn("model-package-group", name)
    record = {
        "ModelPackageGroupName": name,
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": "Completed",
        **call.given("ModelPackageGroupDescription"),
        **call.signed(),
    }
    call.space["groups"][name.lower()] = record
    tags.put(call.space, arn, call.get("Tags"))
    return record


def find(call: Call, name: str) -> tuple[Space, Record]:
    """A group by name or ARN, in whichever account it is; raises a ValidationException."""
    arn = parse(name)
    space = call.here.state.space(arn.account, arn.region) if arn else call.space
    record = space["groups"].get((arn.name if arn else name).lower())
    if record is None:
        full = name if arn else space.arn("model-package-group", name)
        raise invalid(f"Model Package Group {full} does not exist.")
    return space, record


def describe(call: Call) -> Record:
    return find(call, call["ModelPackageGroupName"])[1]


def list_(call: Call) -> Record:
    records = call.space["groups"].values()
    return listing.page(
        call, records, "ModelPackageGroupSummaryList", name="ModelPackageGroupName", order="Ascending"
    )


def delete(call: Call) -> Record:
    space, record = find(call, call["ModelPackageGroupName"])
    name = record["ModelPackageGroupName"]
    if any(one.get("ModelPackageGroupName") == name for one in space["packages"].values()):
        raise conflict(
            f"Model Package Group {record['ModelPackageGroupArn']} cannot be deleted: it has model packages."
        )
    del space["groups"][name.lower()]
    tags.drop(space, record["ModelPackageGroupArn"])
    return {}


def put_policy(call: Call) -> Record:
    _, record = find(call, call["ModelPackageGroupName"])
    try:
        document = json.loads(call["ResourcePolicy"])
        valid = bool(document["Statement"])
    except (ValueError, TypeError, KeyError):
        valid = False
    if not valid:
        raise invalid("The resource policy is not a valid policy document.")
    record["_policy"] = call["ResourcePolicy"]
    return {"ModelPackageGroupArn": record["ModelPackageGroupArn"]}


def get_policy(call: Call) -> Record:
    _, record = find(call, call["ModelPackageGroupName"])
    if "_policy" not in record:
        raise invalid(f"Cannot find resource policy for: {record['ModelPackageGroupArn']}")
    return {"ResourcePolicy": record["_policy"]}


def delete_policy(call: Call) -> Record:
    find(call, call["ModelPackageGroupName"])[1].pop("_policy", None)
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateModelPackageGroup": create,
    "DescribeModelPackageGroup": describe,
    "ListModelPackageGroups": list_,
    "DeleteModelPackageGroup": delete,
    "PutModelPackageGroupPolicy": put_policy,
    "GetModelPackageGroupPolicy": get_policy,
    "DeleteModelPackageGroupPolicy": delete_policy,
}
