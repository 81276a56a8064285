"""The dev account: where data scientists explore, and read what the registry holds."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import allow
from cdk.parts.hosting import read_artifacts
from cdk.parts.keys import account_key
from cdk.parts.network import network
from cdk.parts.people import person_role, read_registry
from cdk.parts.stack import AccountStack
from cdk.parts.storage import Storage, bucket_arn, objects
from isthmus import names
from isthmus.config import Platform


class DevStack(AccountStack):
    """Scientists' role, and a bucket for experiments."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, "dev", f"{platform.name}: experiments")
        key = account_key(self, platform)
        self.network = network(self, platform, "dev", key)
        storage = Storage(self, key=key, log_bucket=names.log_bucket(platform, self.account_id))
        experiments = names.experiment_bucket(platform)
        storage.bucket("Experiments", experiments)
        data = names.data_bucket(platform)
        person_role(
            self,
            "Scientist",
            names.scientist_role(platform),
            platform,
            "Data scientists: experiments of their own, registry and training data to read",
            [
                *read_registry(Stack.of(self), platform),
                *read_artifacts(platform, *(model.name for model in platform.models)),
                allow("s3:GetObject", objects(data)),
                allow("s3:ListBucket", bucket_arn(data)),
                allow(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], objects(experiments)),
                allow("s3:ListBucket", bucket_arn(experiments)),
                allow(["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn),
            ],
        )
        person_role(
            self,
            "Operator",
            names.operator_role(platform),
            platform,
            "Reads what the platform did in this account",
            [allow("s3:ListBucket", bucket_arn(experiments))],
        )
