"""The condition keys that a request gives values to, as AWS's service authorization reference lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from isthmus.executor.record import Record
from isthmus.local.sagemaker import studio_sessions, studio_spaces
from isthmus.local.sagemaker.cloud import Caller

if TYPE_CHECKING:
    from isthmus.local.sagemaker.state import Space

Keys = dict[str, object]
_OWNED = ("CreateSpace", "UpdateSpace", "DeleteSpace", "CreateApp", "DeleteApp")
# Where a member of a request stands, as deep as it may, and the key that it gives a value to.
_MEMBERS = {
    "VolumeKmsKeyId": "sagemaker:VolumeKmsKeyArn",
    "KmsKeyId": "sagemaker:OutputKmsKeyArn",
    "InstanceType": "sagemaker:InstanceTypes",
    "Subnets": "sagemaker:VpcSubnets",
    "SecurityGroupIds": "sagemaker:VpcSecurityGroupIds",
    "EnableNetworkIsolation": "sagemaker:NetworkIsolation",
    "EnableInterContainerTrafficEncryption": "sagemaker:InterContainerTrafficEncryption",
    "MaxRuntimeInSeconds": "sagemaker:MaxRuntimeInSeconds",
}
_JOBS = ("CreateHyperParameterTuningJob", "CreateProcessingJob", "CreateTrainingJob", "CreateTransformJob")
_MONITORS = (
    "CreateDataQualityJobDefinition",
    "CreateModelQualityJobDefinition",
    "CreateMonitoringSchedule",
    "UpdateMonitoringSchedule",
)
# Whose one key is that of the disk.
_DISKS = ("CreateDomain", "CreateEndpointConfig", "CreateNotebookInstance")


def of_request(operation: str, params: Record) -> Keys:
    """What the request itself says."""
    keys: Keys = _lifecycle(params) | _tags(params)
    if operation in (*_JOBS, *_MONITORS, "CreateModel"):
        keys |= _of_job(params)
    if operation in _DISKS and params.get("KmsKeyId"):
        keys["sagemaker:VolumeKmsKeyArn"] = params["KmsKeyId"]
    version = "MinimumInstanceMetadataServiceVersion"
    if metadata := params.get("InstanceMetadataServiceConfiguration"):
        keys[f"sagemaker:{version}"] = metadata[version]
    return keys


def _lifecycle(params: Record) -> Keys:
    keys: Keys = {}
    if params.get("ModelApprovalStatus"):
        keys["sagemaker:ModelApprovalStatus"] = params["ModelApprovalStatus"]
    cycle = params.get("ModelLifeCycle") or {}
    for member, key in (("Stage", "stage"), ("StageStatus", "stageStatus")):
        if member in cycle:
            keys[f"sagemaker:ModelLifeCycle:{key}"] = cycle[member]
    for key, value in (params.get("CustomerMetadataProperties") or {}).items():
        keys[f"sagemaker:CustomerMetadataProperties/{key}"] = value
    if gone := params.get("CustomerMetadataPropertiesToRemove"):
        keys["sagemaker:CustomerMetadataPropertiesToRemove"] = gone
    return keys


def _tags(params: Record) -> Keys:
    tags = params.get("Tags")
    if isinstance(tags, list):
        named: Keys = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags}
        return named | {"aws:TagKeys": [tag["Key"] for tag in tags]}
    return {"aws:TagKeys": params["TagKeys"]} if params.get("TagKeys") else {}


def _of_job(params: Record) -> Keys:
    found: dict[str, list[str]] = {}
    for name, value in _members(params):
        values = value if isinstance(value, list) else [value]
        said = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
        found.setdefault(_MEMBERS[name], []).extend(said)
    # Lists of one are plain values: not all of these keys may be asked with a set operator.
    return {key: values if len(values) > 1 else values[0] for key, values in found.items() if values}


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _members(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in _MEMBERS and not isinstance(item, dict):
                yield name, item
            else:
                yield from _members(item)


def of_studio(space: Space, operation: str, params: Record, caller: Caller) -> Keys:
    """Who works in Studio, and whose the space or app is that the request is about."""
    keys: Keys = dict(studio_sessions.keys(space, caller.access_key))
    if operation not in _OWNED:
        return keys
    about = params
    if operation != "CreateSpace" and "SpaceName" in params:
        about = space["studio-spaces"].get(f"{params['DomainId']}/{params['SpaceName'].lower()}", {})
    owner = params.get("UserProfileName") or studio_spaces.owner_of(about)
    if owner:
        keys["sagemaker:OwnerUserProfileArn"] = space.arn("user-profile", f"{params['DomainId']}/{owner}")
    if sharing := studio_spaces.sharing_of(about):
        keys["sagemaker:SpaceSharingType"] = sharing
    return keys
