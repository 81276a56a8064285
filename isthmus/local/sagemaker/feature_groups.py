"""Feature Store's groups: what a record is made of and where it is kept. Records are not kept here."""

from __future__ import annotations

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import listing, tags
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import in_use, not_found

NAME = "FeatureGroupName"
GIVEN = (
    NAME,
    "RecordIdentifierFeatureName",
    "EventTimeFeatureName",
    "FeatureDefinitions",
    "OnlineStoreConfig",
    "OfflineStoreConfig",
    "ThroughputConfig",
    "RoleArn",
    "Description",
)


def create(call: Call) -> Record:
    name: str = call[NAME]
    arn = call.space.arn("feature-group", name)
    if name.lower() in call.space["feature-groups"]:
        raise in_use(f"Resource Already Exists: FeatureGroup with name {name} already exists.")
    features = {one["FeatureName"] for one in call["FeatureDefinitions"]}
    for key in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if call[key] not in features:
            raise invalid(f"Validation Error: {key} {call[key]} is not defined in FeatureDefinitions.")
    if not (call.get("OnlineStoreConfig") or call.get("OfflineStoreConfig")):
        raise invalid("Validation Error: Either OnlineStoreConfig or OfflineStoreConfig must be specified.")
    if call.get("OfflineStoreConfig") and not call.get("RoleArn"):
        raise invalid("Validation Error: RoleArn is required for the offline store.")
    if call.get("RoleArn"):
        call.pass_role(call["RoleArn"])
    call.space["feature-groups"][name.lower()] = {
        "FeatureGroupArn": arn,
        **call.given(*GIVEN),
        "FeatureGroupStatus": "Created",
        **call.signed(),
    }
    tags.put(call.space, arn, call.get("Tags"))
    return {"FeatureGroupArn": arn}


def find(call: Call) -> Record:
    name = call[NAME].rsplit("/", 1)[-1]
    record = call.space["feature-groups"].get(name.lower())
    if record is None:
        raise not_found(f"Resource Not Found: FeatureGroup with name {name} does not exist.")
    return record


def describe(call: Call) -> Record:
    return find(call)


def update(call: Call) -> Record:
    """Features may be added; none is taken away or changed."""
    record = find(call)
    known = {one["FeatureName"] for one in record["FeatureDefinitions"]}
    added = call.get("FeatureAdditions") or []
    for one in added:
        if one["FeatureName"] in known:
            raise invalid(f"Validation Error: feature {one['FeatureName']} exists already.")
    record["FeatureDefinitions"] = [*record["FeatureDefinitions"], *added]
    record.update(call.given("OnlineStoreConfig", "ThroughputConfig"))
    return {"FeatureGroupArn": record["FeatureGroupArn"]}


def list_(call: Call) -> Record:
    records = list(call.space["feature-groups"].values())
    return listing.page(call, records, "FeatureGroupSummaries", name=NAME)


def delete(call: Call) -> Record:
    """The group goes; what the offline store holds stays in its bucket, as at AWS."""
    record = find(call)
    del call.space["feature-groups"][record[NAME].lower()]
    tags.drop(call.space, record["FeatureGroupArn"])
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateFeatureGroup": create,
    "DescribeFeatureGroup": describe,
    "UpdateFeatureGroup": update,
    "ListFeatureGroups": list_,
    "DeleteFeatureGroup": delete,
}
