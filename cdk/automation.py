"""The automation account: registry, artifacts, images, training roles, event bus and the bridge."""

from __future__ import annotations

from aws_cdk import aws_iam, aws_kms, aws_s3
from constructs import Construct

from cdk.parts.bridge import Bridge
from cdk.parts.bus import automation_bus
from cdk.parts.federation import Federation
from cdk.parts.grants import allow_principal, roles_of
from cdk.parts.images import image_repository
from cdk.parts.infrastructure import infrastructure_role
from cdk.parts.keys import account_key
from cdk.parts.network import network
from cdk.parts.notices import notices
from cdk.parts.people import approver, automation_data_owner, automation_operator
from cdk.parts.registry import Registry
from cdk.parts.stack import AccountStack
from cdk.parts.storage import Storage, under
from cdk.parts.training import Training
from isthmus import names
from isthmus.config import STAGES, Platform


class AutomationStack(AccountStack):
    """What trains models, keeps them, and carries events to Azure DevOps."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, "automation", f"{platform.name}: registry, training and bridge")
        key = account_key(self, platform)
        self.network = network(self, platform, "automation", key)
        storage = Storage(self, key=key, log_bucket=names.log_bucket(platform, self.account_id))
        artifacts = storage.bucket("Artifacts", names.artifact_bucket(platform))
        data = storage.bucket("Data", names.data_bucket(platform))
        _share(platform, key, artifacts, data)
        image_repository(self, platform, key)
        Registry(self, platform)
        federation = Federation(self, platform)
        infrastructure_role(self, platform, federation)
        for model in platform.models:
            Training(self, platform, model.name, key=key, federation=federation)
        approver(self, platform, key)
        automation_operator(self, platform, key)
        automation_data_owner(self, platform, key, names.data_bucket(platform))
        topic = notices(self, platform, key)
        Bridge(self, platform, key=key, bus=automation_bus(self, platform), notices=topic)


def _share(platform: Platform, key: aws_kms.Key, artifacts: aws_s3.Bucket, data: aws_s3.Bucket) -> None:
    """Serving accounts read model artifacts and baselines; scientists read artifacts and training data."""
    scientist = roles_of(platform.accounts.dev, names.scientist_role(platform))
    _let_read(key, scientist, artifacts)
    _let_read(key, scientist, data)
    prefixes = [f"{model.name}/" for model in platform.models]
    for stage in STAGES:
        account = getattr(platform.accounts, stage)
        deployers = [names.deploy_role(platform, model.name) for model in platform.models]
        creators = [names.cloudformation_role(platform, model.name) for model in platform.models]
        readers = [names.model_role(platform), names.monitor_role(platform), *deployers, *creators]
        _let_read(key, roles_of(account, *readers), artifacts, *prefixes)


def _let_read(key: aws_kms.Key, principal: aws_iam.IPrincipal, bucket: aws_s3.Bucket, *prefixes: str) -> None:
    files = [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes or ("",)]
    bucket.add_to_resource_policy(allow_principal(principal, "s3:GetObject", files))
    bucket.add_to_resource_policy(
        allow_principal(principal, "s3:ListBucket", bucket.bucket_arn, under(*prefixes) if prefixes else None)
    )
    key.add_to_resource_policy(allow_principal(principal, "kms:Decrypt", "*"))
