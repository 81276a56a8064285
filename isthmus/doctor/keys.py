"""Whether each key's policy names every role that must decrypt with it: its own policies do not suffice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase

from isthmus import names
from isthmus.config import AccountRole
from isthmus.doctor.finding import Finding
from isthmus.doctor.policy import granted, lets
from isthmus.doctor.sight import Document, Role, Sight
from isthmus.doctor.unnamed import everybody, unnamed

DECRYPT = ("kms:Decrypt", "kms:GenerateDataKey")
PURPOSES = ("data", "images", "logs", "messages")


def keys(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """The account's keys: every role that must decrypt with one, here or elsewhere, stands in its policy."""
    kms = sight.client(account, "kms")
    pages = kms.get_paginator("list_aliases").paginate()
    aliases = {one["AliasName"]: one.get("TargetKeyId", "") for page in pages for one in page["Aliases"]}
    for purpose in PURPOSES:
        alias = names.key_alias(sight.platform, purpose)
        if alias not in aliases:
            continue
        described = kms.describe_key(KeyId=aliases[alias])["KeyMetadata"]
        if described["KeyState"] != "Enabled":
            enable = _enable(described, sight.platform.region)
            yield Finding("missing", f"key {alias}", f"it is {described['KeyState']}", enable)
        policy = json.loads(kms.get_key_policy(KeyId=aliases[alias], PolicyName="default")["Policy"])
        for role in everybody(sight):
            for action in _unlet(role, DECRYPT, described["Arn"], purpose == "data", policy):
                yield unnamed(sight, account, f"key {alias}", role, action, "AWS::KMS::Key")


def _enable(key: Document, region: str) -> str:
    """A key whose deletion is taken back is disabled, until it is enabled again."""
    which = f"--key-id {key['KeyId']} --region {region}"
    back = f"aws kms cancel-key-deletion {which} && " if key["KeyState"] == "PendingDeletion" else ""
    return f"{back}aws kms enable-key {which}"


def _unlet(role: Role, actions: tuple[str, ...], arn: str, any_: bool, policy: Document) -> list[str]:
    """What the role would do with the key and may not; `any_`: whoever names every key means this one."""
    wanted = {
        action
        for action, resource in granted(role.may, *actions)
        if resource == arn or (any_ and "*" in resource and resource != "*" and fnmatchcase(arn, resource))
    }
    return sorted(action for action in wanted if not lets(policy, role.arn, action))
