"""Whether each package group's policy names every role of another account that uses its versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from isthmus import names
from isthmus.config import AccountRole, Model
from isthmus.doctor.finding import Finding
from isthmus.doctor.policy import granted, lets
from isthmus.doctor.sight import Document, Role, Sight
from isthmus.doctor.unnamed import others, unnamed

VERSIONS = (
    "sagemaker:DescribeModelPackage",
    "sagemaker:ListModelPackages",
    "sagemaker:CreateModel",
    "sagemaker:UpdateModelPackage",
    "sagemaker:DescribeModelPackageGroup",
)


def registry(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """The models' package groups: every role of another account that uses one stands in its policy."""
    sagemaker = sight.client(account, "sagemaker")
    for model in sight.platform.models:
        group = names.registry_group(model.name)
        policy, about = _policy(sagemaker, group), f"model package group {group}"
        own = f"arn:aws:sagemaker:{sight.platform.region}:{sight.number(account)}"
        arns = [f"{own}:model-package-group/{group}", f"{own}:model-package/{group}/1"]
        for role in (one for one in others(sight, account) if _is_about(one, model)):
            for action in _used(role, arns):
                if not lets(policy, role.arn, action):
                    yield unnamed(sight, account, about, role, action, "AWS::SageMaker::ModelPackageGroup")


def _policy(sagemaker: Any, group: str) -> Document:
    from botocore.exceptions import ClientError

    try:
        answer = sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFound"):
            raise
        return {}
    found: Document = json.loads(answer["ResourcePolicy"])
    return found


def _is_about(role: Role, model: Model) -> bool:
    """Whether a role is the model's, its team's, or for all models."""
    if "model" in role.tags:
        return role.tags["model"] == model.name
    return "team" not in role.tags or role.tags["team"] == model.team


def _used(role: Role, arns: list[str]) -> list[str]:
    """What the role may do to any of these; where its policy speaks of its model, its own is meant."""
    mine = role.tags.get("model", "")
    return sorted(
        {
            action
            for action, resource in granted(role.may, *VERSIONS)
            if ":model-package" in resource
            and any(fnmatchcase(arn, resource.replace("${aws:PrincipalTag/model}", mine)) for arn in arns)
        }
    )
