"""The model registry: a model's package group, and who in other accounts may do what with it."""

from __future__ import annotations

from aws_cdk import Tags
from constructs import Construct

from cdk.parts.grants import Principal, Statement, allow_principal, document, roles_of
from isthmus import names
from isthmus.config import STAGES, Model, Platform, Stage
from isthmus.resource_types import aws_sagemaker

READ_GROUP = ["sagemaker:DescribeModelPackageGroup"]
READ_PACKAGES = ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"]
PROVENANCE = {f"sagemaker:CustomerMetadataProperties/{key}": "true" for key in names.PROVENANCE}
"""The condition `Null` that a request writes nothing of what a version was registered with."""
TO_REMOVE = "sagemaker:CustomerMetadataPropertiesToRemove"
BY_RULE = {"aws:ResourceTag/approval": "automatic"}
"""The condition that a version, which has its group's tags, is of a model that has a rule."""


def registry_arns(platform: Platform, model: str) -> tuple[str, str]:
    """A model's group and its versions, in the automation account; `*` for those of all models."""
    group = names.registry_group(model)
    where = f"arn:aws:sagemaker:{platform.region}:{platform.accounts.automation}"
    return f"{where}:model-package-group/{group}", f"{where}:model-package/{group}/*"


def model_package_group(scope: Construct, platform: Platform, model: Model) -> None:
    """The group of a model's versions, with a policy for exactly the roles that need it."""
    group = names.registry_group(model.name)
    versions = aws_sagemaker.CfnModelPackageGroup(
        scope,
        "Versions",
        model_package_group_name=group,
        model_package_group_description=f"Versions of {model.name}, owned by {model.owner}",
        model_package_group_policy=document(*_shared(platform, model)),
    )
    if model.retraining.approve:
        for key, value in BY_RULE.items():
            Tags.of(versions).add(key.rpartition("/")[2], value)


def _shared(platform: Platform, shared: Model) -> list[Statement]:
    model = shared.name
    group, versions = registry_arns(platform, model)
    readers = {
        platform.accounts.staging: _serving_readers(platform, model),
        platform.accounts.prod: [*_serving_readers(platform, model), names.audit_role(platform)],
    }
    if shared.team:
        readers[platform.accounts.dev] = [names.scientist_role(platform, shared.team)]
    statements = [
        statement
        for account, roles in readers.items()
        for statement in (
            allow_principal(roles_of(account, *roles), READ_GROUP, group),
            allow_principal(roles_of(account, *roles), READ_PACKAGES, versions),
        )
    ]
    for stage in STAGES:
        account = getattr(platform.accounts, stage)
        creator = roles_of(account, names.cloudformation_role(platform, model))
        statements += [
            allow_principal(creator, "sagemaker:CreateModel", versions),
            _record_stage(roles_of(account, names.deploy_role(platform, model)), stage, versions),
        ]
    return statements


def _serving_readers(platform: Platform, model: str) -> list[str]:
    return [
        names.deploy_role(platform, model),
        names.cloudformation_role(platform, model),
        names.monitor_role(platform, model),
        names.operator_role(platform),
    ]


def _record_stage(deployer: Principal, stage: Stage, versions: str) -> Statement:
    """A deployment may say that a version runs in its own stage: neither in another, nor approve it.

    Nor may it change or remove what the version was registered with, or what the other stage wrote down.
    """
    others = [f"{one}_{key}" for one in STAGES if one != stage for key in names.STAGE_RECORDS]
    return allow_principal(
        deployer,
        "sagemaker:UpdateModelPackage",
        versions,
        {
            "StringEquals": {"sagemaker:ModelLifeCycle:stage": stage},
            "Null": {
                "sagemaker:ModelApprovalStatus": "true",
                **PROVENANCE,
                **{f"sagemaker:CustomerMetadataProperties/{key}": "true" for key in others},
            },
            "ForAllValues:StringEquals": {TO_REMOVE: [f"{stage}_{key}" for key in names.STAGE_RECORDS]},
        },
    )
