"""Model packages: the versions of a model, what they were measured at, and who approved them."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import events, groups, listing, tags
from isthmus.local.sagemaker.arns import parse
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import conflict
from isthmus.local.sagemaker.state import Space, now

_COPIED = (
    "ModelPackageDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "ValidationSpecification",
    "SourceAlgorithmSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "SkipModelValidation",
    "SourceUri",
    "SecurityConfig",
    "ModelCard",
    "ModelLifeCycle",
)
_REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)


def create(call: Call) -> Record:
    """Register a version of a group, or a package of its own name."""
    return call.once(call.get("ClientToken"), lambda: _create(call))


def _create(call: Call) -> Record:
    group, name = call.get("ModelPackageGroupName"), call.get("ModelPackageName")
    if bool(group) == bool(name):
        raise invalid("Exactly one of ModelPackageGroupName and ModelPackageName must be given.")
    if group and call.get("Tags"):
        raise invalid("Tags cannot be supplied for a versioned model package: it uses those of its group.")
    if group:
        space, owner = groups.find(call, group)
        identity = _next_version(space, owner)
    else:
        space, identity = call.space, {"ModelPackageName": name}
    path = f"{name}" if name else f"{identity['ModelPackageName']}/{identity['ModelPackageVersion']}"
    arn = space.arn("model-package", path)
    if arn in space["packages"]:
        raise conflict(f"Model package {arn} already exists.")
    record = _record(call, identity, arn)
    space["packages"][arn] = record
    tags.put(space, arn, call.get("Tags"))
    events.package_changed(call.here.cloud, space, record, None)
    return {"ModelPackageArn": arn}


def _next_version(space: Space, group: Record) -> Record:
    """Versions are never given twice, even when the last one was deleted."""
    version = group.get("_last_version", 0) + 1
    group["_last_version"] = version
    name = group["ModelPackageGroupName"]
    return {"ModelPackageName": name, "ModelPackageGroupName": name, "ModelPackageVersion": version}


def _record(call: Call, identity: Record, arn: str) -> Record:
    record = {
        **identity,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": call.get("CertifyForMarketplace", False),
        **copy.deepcopy(call.given(*_COPIED)),
        **call.signed(),
    }
    if "ModelPackageVersion" in identity:
        record["ModelApprovalStatus"] = call.get("ModelApprovalStatus", "PendingManualApproval")
    for container in record.get("InferenceSpecification", {}).get("Containers", []):
        if "@" in container.get("Image", ""):
            container.setdefault("ImageDigest", container["Image"].rpartition("@")[2])
    return record


def find(call: Call, name: str) -> tuple[Space, Record]:
    """A package by ARN or name, in whichever account it is; raises a ValidationException."""
    arn = parse(name)
    space = call.here.state.space(arn.account, arn.region) if arn else call.space
    key = name.lower() if arn else space.arn("model-package", name)
    if key not in space["packages"]:
        raise invalid(f"ModelPackage {key} does not exist.")
    return space, space["packages"][key]


def describe(call: Call) -> Record:
    return find(call, call["ModelPackageName"])[1]


def list_(call: Call) -> Record:
    """The packages of a group, or the unversioned ones."""
    group = call.get("ModelPackageGroupName")
    if group and call.get("Tags"):
        raise invalid("Tags cannot be supplied for a versioned model package: it uses those of its group.")
    if group:
        space, owner = groups.find(call, group)
        name = owner["ModelPackageGroupName"]
        found = [one for one in space["packages"].values() if one.get("ModelPackageGroupName") == name]
    else:
        found = list(_of_type(call.space["packages"].values(), call.get("ModelPackageType", "Unversioned")))
    wanted = call.get("ModelApprovalStatus")
    kept = [one for one in found if wanted in (None, one.get("ModelApprovalStatus"))]
    return listing.page(call, kept, "ModelPackageSummaryList", name="ModelPackageName", order="Ascending")


def _of_type(records: Iterable[Record], kind: str) -> Iterable[Record]:
    for one in records:
        if kind == "Both" or (kind == "Versioned") == ("ModelPackageVersion" in one):
            yield one


def update(call: Call) -> Record:
    """Approve, reject, or change what is written about a package; LastModifiedBy says who."""
    space, record = find(call, call["ModelPackageArn"])
    if "ModelApprovalStatus" in call.params and "ModelPackageVersion" not in record:
        raise invalid("ModelApprovalStatus applies to versioned model packages only.")
    changed = call.given(*_REPLACED)
    metadata = record.get("CustomerMetadataProperties", {}) | (call.get("CustomerMetadataProperties") or {})
    for key in call.get("CustomerMetadataPropertiesToRemove") or []:
        metadata.pop(key, None)
    if metadata != record.get("CustomerMetadataProperties", {}):
        changed["CustomerMetadataProperties"] = metadata
    if call.get("AdditionalInferenceSpecificationsToAdd"):
        changed["AdditionalInferenceSpecifications"] = [
            *record.get("AdditionalInferenceSpecifications", []),
            *call["AdditionalInferenceSpecificationsToAdd"],
        ]
    record.update(changed)
    record.update(LastModifiedTime=now(), LastModifiedBy=call.caller.user_context())
    events.package_changed(call.here.cloud, space, record, sorted(changed))
    return {"ModelPackageArn": record["ModelPackageArn"]}


def delete(call: Call) -> Record:
    space, record = find(call, call["ModelPackageName"])
    del space["packages"][record["ModelPackageArn"]]
    tags.drop(space, record["ModelPackageArn"])
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateModelPackage": create,
    "DescribeModelPackage": describe,
    "ListModelPackages": list_,
    "UpdateModelPackage": update,
    "DeleteModelPackage": delete,
}
