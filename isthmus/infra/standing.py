"""The platform's stacks that stand in an account: the account's own, its parts', and endpoints'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.infra.change import described

GONE = "DELETE_COMPLETE"


@dataclass(frozen=True)
class Standing:
    """A stack of the platform; a part is of a model, which `model` then names, of a team or of features."""

    name: str
    kind: Literal["account", "part", "endpoint"]
    model: str = ""


def standing(cfn: Any, platform: Platform, account: AccountRole) -> list[Standing]:
    """The stacks of the platform in that account, by name; those of models that were removed among them."""
    found = []
    for page in cfn.get_paginator("list_stacks").paginate():
        for one in page["StackSummaries"]:
            if one["StackStatus"] != GONE and one["StackName"].startswith(f"{platform.name}-"):
                found.append(_stack(cfn, platform, account, one["StackName"]))
    return sorted((one for one in found if one), key=lambda one: one.name)


def _stack(cfn: Any, platform: Platform, account: AccountRole, name: str) -> Standing | None:
    """What a stack is, by its tags; None where it is gone or another platform's."""
    stack = described(cfn, name)
    if stack is None:  # It went since it was listed.
        return None
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    model = tags.get("model", "")
    if name == names.stack(platform, account):
        return Standing(name, "account")
    if tags.get("platform") != platform.name:
        return None
    is_endpoint = model and name == names.endpoint_stack(platform, model, account)
    return Standing(name, "endpoint" if is_endpoint else "part", model)
