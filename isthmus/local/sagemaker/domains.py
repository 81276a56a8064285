"""Studio's domains: settings that its user profiles share, and what must go before a domain goes.

User profiles, spaces and apps have files of their own. Nothing starts here: a domain is in service at once.
"""

from __future__ import annotations

import copy
import secrets
import string

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import listing, tags
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import in_use, not_found
from isthmus.local.sagemaker.state import now

SETTINGS = (
    "DefaultUserSettings",
    "DomainSettings",
    "DefaultSpaceSettings",
    "SubnetIds",
    "VpcId",
    "AppNetworkAccessType",
    "AppSecurityGroupManagement",
    "TagPropagation",
)


def create(call: Call) -> Record:
    if call.get("HomeEfsFileSystemCreation") != "Disabled":
        raise invalid("HomeEfsFileSystemCreation must be Disabled: the local SageMaker makes no file system.")
    if call.get("AppNetworkAccessType") == "VpcOnly":
        _require_network(call)
    call.pass_role(call["DefaultUserSettings"]["ExecutionRole"])
    id_ = "d-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))
    arn = call.space.arn("domain", id_)
    call.space["domains"][id_] = {
        "DomainId": id_,
        "DomainArn": arn,
        "Status": "InService",
        "Url": f"https://{id_}.studio.{call.caller.region}.sagemaker.aws",
        **copy.deepcopy(call.given("DomainName", "AuthMode", "KmsKeyId", *SETTINGS)),
        "HomeEfsFileSystemCreation": "Disabled",
        **call.signed(),
    }
    tags.put(call.space, arn, call.get("Tags"))
    return {"DomainArn": arn, "DomainId": id_, "Url": call.space["domains"][id_]["Url"]}


def _require_network(call: Call) -> None:
    if not call.get("VpcId") or not call.get("SubnetIds"):
        raise invalid("VpcId and SubnetIds must be given where AppNetworkAccessType is VpcOnly.")
    if not call["DefaultUserSettings"].get("SecurityGroups"):
        raise invalid("DefaultUserSettings.SecurityGroups must be given: AppNetworkAccessType is VpcOnly.")


def find(call: Call) -> Record:
    """The domain that the call names; raises ResourceNotFound."""
    record = call.space["domains"].get(call["DomainId"])
    if record is None:
        raise not_found(f"Domain [{call['DomainId']}] does not exist.")
    return record


def describe(call: Call) -> Record:
    return find(call)


def list_(call: Call) -> Record:
    return listing.page(call, call.space["domains"].values(), "Domains")


def update(call: Call) -> Record:
    record = find(call)
    changed = copy.deepcopy(call.given(*SETTINGS))
    if changes := call.get("DomainSettingsForUpdate"):
        changed["DomainSettings"] = record.get("DomainSettings", {}) | copy.deepcopy(changes)
    record.update(changed | {"LastModifiedTime": now()})
    return {"DomainArn": record["DomainArn"]}


def delete(call: Call) -> Record:
    record = find(call)
    for table, noun in (("apps", "App"), ("studio-spaces", "Space"), ("user-profiles", "UserProfile")):
        require_none(call, table, f"Domain [{record['DomainArn']}]", noun, DomainId=record["DomainId"])
    del call.space["domains"][record["DomainId"]]
    tags.drop(call.space, record["DomainArn"])
    return {}


def require_none(call: Call, table: str, whole: str, noun: str, **owner: str) -> None:
    """Raise ResourceInUse where something that is not deleted belongs to the owner, given by its members."""
    for record in call.space[table].values():
        if record["Status"] != "Deleted" and all(record.get(key) == value for key, value in owner.items()):
            raise in_use(f"Unable to delete {whole} because {noun}(s) are associated with it.")


OPERATIONS: dict[str, Operation] = {
    "CreateDomain": create,
    "DescribeDomain": describe,
    "ListDomains": list_,
    "UpdateDomain": update,
    "DeleteDomain": delete,
}
