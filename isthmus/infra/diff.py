"""What deploying an assembly would change: resources that come, go or become something else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from isthmus.infra.change import NEVER_STOOD
from isthmus.infra.manifest import Stack
from isthmus.infra.roles import Roles

Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Difference:
    """One resource, and what would happen to it."""

    sign: Literal["+", "-", "~"]
    type: str
    resource: str

    def __str__(self) -> str:
        return f"{self.sign} {self.type} {self.resource}"


def standing(roles: Roles, stack: Stack) -> Resources:
    """The resources in the template of the stack as it was last deployed; none if it never was."""
    from botocore.exceptions import ClientError

    cfn = roles.session(stack.role).client("cloudformation", region_name=stack.region)
    try:
        if cfn.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"] in NEVER_STOOD:
            return {}
        body = cfn.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return {}
        raise
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else dict(body)
    resources: Resources = template.get("Resources", {})
    return resources


def differences(before: Resources, after: Resources) -> list[Difference]:
    """What makes `after` of `before`."""
    found: list[Difference] = []
    for name in sorted({*before, *after}):
        kind = (after.get(name) or before[name])["Type"]
        if name not in before:
            found.append(Difference("+", kind, name))
        elif name not in after:
            found.append(Difference("-", kind, name))
        elif before[name] != after[name]:
            found.append(Difference("~", kind, name))
    return found
