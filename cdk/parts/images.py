"""The repository of the image that trains, processes and serves."""

from __future__ import annotations

import json

from aws_cdk import RemovalPolicy
from constructs import Construct

from cdk.parts.grants import Statement, allow, allow_principal, document, roles_of_models
from isthmus import names
from isthmus.config import STAGES, Platform
from isthmus.resource_types import aws_ecr

PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
UNTAGGED_DAYS = 30


def image_repository(scope: Construct, platform: Platform, *, key: str) -> None:
    """Tags never move, each push is scanned, and the serving accounts' models may pull; `key` is an ARN."""
    repository = aws_ecr.CfnRepository(
        scope,
        "Images",
        repository_name=names.IMAGE_REPOSITORY,
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration={"scanOnPush": True},
        encryption_configuration={"encryptionType": "KMS", "kmsKey": key},
        lifecycle_policy={"lifecyclePolicyText": json.dumps({"rules": [_FORGET_UNTAGGED]})},
        repository_policy_text=document(
            *(
                allow_principal(
                    roles_of_models(platform, getattr(platform.accounts, stage), "model", "monitor"), PULL
                )
                for stage in STAGES
            )
        ),
    )
    repository.apply_removal_policy(RemovalPolicy.RETAIN)


_FORGET_UNTAGGED = {
    "rulePriority": 1,
    "description": "What lost its tag is used by nobody",
    "selection": {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": UNTAGGED_DAYS,
    },
    "action": {"type": "expire"},
}


def pull(platform: Platform, *more: str) -> list[Statement]:
    """What a role needs to pull the image, from whichever account; and those of `more` repositories."""
    arn = f"arn:aws:ecr:{platform.region}:{platform.accounts.automation}:repository/{names.IMAGE_REPOSITORY}"
    return [allow(PULL, [arn, *more]), allow("ecr:GetAuthorizationToken", "*")]
