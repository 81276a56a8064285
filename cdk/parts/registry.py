"""The model registry: one model package group per model, and who in other accounts may do what with it."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack, aws_iam, aws_sagemaker
from constructs import Construct

from cdk.parts.grants import allow_principal, roles_of, sagemaker
from isthmus import names
from isthmus.config import STAGES, Platform, Stage

READ_GROUP = ["sagemaker:DescribeModelPackageGroup"]
READ_PACKAGES = ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"]


def registry_arns(stack: Stack, platform: Platform, *models: str) -> list[str]:
    """The groups and versions of these models, or of all, in the automation account."""
    groups = [names.registry_group(m) for m in models or [m.name for m in platform.models]]
    kinds = [f"model-package-group/{g}" for g in groups] + [f"model-package/{g}/*" for g in groups]
    return sagemaker(stack, *kinds, account=platform.accounts.automation)


class Registry(Construct):
    """The model package groups of the platform."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, "Registry")
        for model in platform.models:
            group = names.registry_group(model.name)
            aws_sagemaker.CfnModelPackageGroup(
                self,
                group,
                model_package_group_name=group,
                model_package_group_description=f"Versions of {model.name}, owned by {model.owner}",
                model_package_group_policy=_policy(Stack.of(self), platform, model.name),
            )


def _policy(stack: Stack, platform: Platform, model: str) -> dict[str, Any]:
    group, versions = registry_arns(stack, platform, model)
    readers = {
        platform.accounts.dev: [names.scientist_role(platform)],
        platform.accounts.staging: _serving_readers(platform, model),
        platform.accounts.prod: _serving_readers(platform, model),
    }
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
    document = aws_iam.PolicyDocument(statements=statements)
    resolved: dict[str, Any] = stack.resolve(document)
    return resolved


def _serving_readers(platform: Platform, model: str) -> list[str]:
    return [
        names.deploy_role(platform, model),
        names.cloudformation_role(platform, model),
        names.monitor_role(platform),
        names.operator_role(platform),
    ]


def _record_stage(deployer: aws_iam.IPrincipal, stage: Stage, versions: str) -> aws_iam.PolicyStatement:
    """A deployment may say that a version runs in its own stage: neither in another, nor approve it."""
    return allow_principal(
        deployer,
        "sagemaker:UpdateModelPackage",
        versions,
        {
            "StringEquals": {"sagemaker:ModelLifeCycle:stage": stage},
            "Null": {"sagemaker:ModelApprovalStatus": "true"},
        },
    )
