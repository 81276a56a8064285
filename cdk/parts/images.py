"""The repository of the image that trains, processes and serves."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, aws_ecr, aws_iam, aws_kms
from constructs import Construct

from cdk.parts.grants import allow, allow_principal, roles_of
from isthmus import names
from isthmus.config import STAGES, Platform

PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def image_repository(scope: Construct, platform: Platform, key: aws_kms.IKey) -> aws_ecr.Repository:
    """Tags never move, each push is scanned, and the serving accounts' models may pull."""
    repository = aws_ecr.Repository(
        scope,
        "Images",
        repository_name=names.IMAGE_REPOSITORY,
        image_tag_mutability=aws_ecr.TagMutability.IMMUTABLE,
        image_scan_on_push=True,
        encryption=aws_ecr.RepositoryEncryption.KMS,
        encryption_key=key,
        removal_policy=RemovalPolicy.RETAIN,
        lifecycle_rules=[
            aws_ecr.LifecycleRule(
                description="What lost its tag is used by nobody",
                tag_status=aws_ecr.TagStatus.UNTAGGED,
                max_image_age=Duration.days(30),
            )
        ],
    )
    for stage in STAGES:
        account = getattr(platform.accounts, stage)
        pullers = roles_of(account, names.model_role(platform), names.monitor_role(platform))
        statement = allow_principal(pullers, PULL, [])
        repository.add_to_resource_policy(statement)
    return repository


def pull(platform: Platform) -> list[aws_iam.PolicyStatement]:
    """What a role needs to pull the image, from whichever account."""
    arn = f"arn:aws:ecr:{platform.region}:{platform.accounts.automation}:repository/{names.IMAGE_REPOSITORY}"
    return [allow(PULL, arn), allow("ecr:GetAuthorizationToken", "*")]
