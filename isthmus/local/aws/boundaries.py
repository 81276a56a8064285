"""Roles that CloudFormation makes keep their permissions boundary, which ministack forgets."""

from __future__ import annotations

from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
_create = provisioners._iam_role_create
_update = provisioners._iam_role_update


def install() -> None:
    provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"] |= {"create": create, "update": update}


def create(logical_id: str, properties: Properties, stack: str) -> Created:
    _require_boundary(properties)
    made: Created = _create(logical_id, properties, stack)
    iam._roles[made[0]]["PermissionsBoundary"] = properties.get("PermissionsBoundary")
    return made


def update(
    physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None
) -> Created:
    _require_boundary(new)
    made: Created = _update(physical_id, old, new, stack, logical_id)
    iam._roles[made[0]]["PermissionsBoundary"] = new.get("PermissionsBoundary")
    return made


def _require_boundary(properties: Properties) -> None:
    """Raise `ValueError`, worded as IAM does, where the boundary is no policy of the account."""
    arn = properties.get("PermissionsBoundary")
    if arn and not iam._policy_exists(arn):
        raise ValueError(f"Scope ARN: {arn} does not exist or is not attachable.")
