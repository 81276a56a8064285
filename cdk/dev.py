"""The dev account: where data scientists explore, and read what the registry holds."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.grants import allow
from cdk.parts.hosting import read_artifacts
from cdk.parts.keys import USE, Keys
from cdk.parts.network import network
from cdk.parts.people import person_role, read_shared_registry
from cdk.parts.stack import AccountStack
from cdk.parts.storage import Storage, bucket_arn, objects
from isthmus import names
from isthmus.config import Platform


class DevStack(AccountStack):
    """Scientists' role, and a bucket for experiments."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, "dev", f"{platform.name}: experiments")
        keys = Keys(self, platform)
        self.network = network(self, platform, "dev", keys)
        keys.data.allow_roles(USE, names.scientist_role(platform))
        storage = Storage(self, key=keys.data.arn, log_bucket=names.log_bucket(platform, self.account_id))
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
                *read_shared_registry(platform),
                *read_artifacts(platform),
                allow("s3:GetObject", objects(data)),
                allow("s3:ListBucket", bucket_arn(data)),
                allow(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], objects(experiments)),
                allow("s3:ListBucket", bucket_arn(experiments)),
                allow(USE, keys.data.arn),
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
