"""Feature Store: its groups in a stack of their own, so that they may be many."""

from __future__ import annotations

from aws_cdk import Tags
from constructs import Construct

from cdk.parts.grants import allow, make_role, service
from cdk.parts.keys import USE
from cdk.parts.stack import AccountStack
from cdk.parts.storage import bucket_arn, objects
from isthmus import names
from isthmus.config import Platform
from isthmus.config.features import FeatureGroup
from isthmus.resource_types import aws_sagemaker


class FeatureStack(AccountStack):
    """The groups of Feature Store in the automation account, whose records jobs and scientists share."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(
            scope,
            platform,
            "automation",
            f"{platform.name}: Feature Store",
            name=names.feature_stack(platform),
        )
        for group in platform.feature_groups:
            self._group(platform, group)

    def _group(self, platform: Platform, group: FeatureGroup) -> None:
        key = f"arn:aws:kms:{platform.region}:{self.account_id}:{names.key_alias(platform)}"
        name = names.feature_group(platform, group.name)
        made = aws_sagemaker.CfnFeatureGroup(
            self,
            group.name,
            feature_group_name=name,
            description=f"Owned by {group.owner}",
            record_identifier_feature_name=group.record_id,
            event_time_feature_name=group.event_time,
            feature_definitions=[
                {"featureName": feature, "featureType": kind} for feature, kind in group.features.items()
            ],
            offline_store_config={
                "S3StorageConfig": {
                    "S3Uri": f"s3://{names.feature_bucket(platform)}/{name}",
                    "KmsKeyId": key,
                },
            },
            online_store_config={"EnableOnlineStore": True, "SecurityConfig": {"KmsKeyId": key}}
            if group.online
            else None,
            role_arn=names.role_arn(platform.accounts.automation, names.feature_role(platform)),
        )
        Tags.of(made).add("owner", group.owner)


def feature_role(scope: Construct, platform: Platform, *, data_key: str) -> None:
    """What Feature Store writes offline stores as (Developer Guide, "Adding policies to your IAM role")."""
    bucket = names.feature_bucket(platform)
    make_role(
        scope,
        "Features",
        names.feature_role(platform),
        trust=service("sagemaker.amazonaws.com", platform.accounts.automation),
        description="Feature Store, writing offline stores",
        statements=[
            allow("s3:GetBucketAcl", bucket_arn(bucket)),
            allow("s3:PutObject", objects(bucket)),
            allow(USE, data_key),
        ],
    )
