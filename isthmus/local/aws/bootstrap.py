"""Bootstraps local accounts by the code that bootstraps real ones; gives the laptop's people users."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from isthmus.config import Platform
from isthmus.infra import bootstrap as infra
from isthmus.infra.toolkit import Toolkit
from isthmus.local.aws.accounts import Root

LAPTOP = "laptop"
POLICY = "person"
ADMINISTRATOR = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def bootstrap_all(root: Root, platform: Platform) -> None:
    """Bootstrap every account of the platform; one that is so already is left alone."""
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda role: bootstrap(root, Toolkit.of(platform, role)), platform.standing))


def bootstrap(root: Root, toolkit: Toolkit) -> None:
    """Bootstrap one account, as its root."""

    def client(service: str) -> Any:
        return root.client(service, toolkit.account, toolkit.region)

    infra.bootstrap(client, toolkit, lambda _: None)


def laptop_user(
    root: Root, region: str, account: str, name: str = LAPTOP, policy: Mapping[str, Any] = ADMINISTRATOR
) -> dict[str, str]:
    """An access key of the IAM user of that name, who may do what `policy` says, as environment variables.

    The key is made anew at every call: nothing long-lived is kept, and the one before stops working.
    """
    iam = root.client("iam", account, region)
    try:
        iam.create_user(UserName=name)
    except iam.exceptions.EntityAlreadyExistsException:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.put_user_policy(UserName=name, PolicyName=POLICY, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
