"""The dev account: where data scientists explore, and read what the registry holds."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.federation import federation
from cdk.parts.grants import allow, roles_of_models
from cdk.parts.infrastructure import infrastructure_roles
from cdk.parts.jobs import jobs_policy
from cdk.parts.keys import USE, Key, Keys
from cdk.parts.log_insight import log_insight
from cdk.parts.logs import job_logs
from cdk.parts.network import Network, network
from cdk.parts.people import person_role
from cdk.parts.saved_queries import ask
from cdk.parts.scientists import SCIENTIST, scientist_policy
from cdk.parts.stack import AccountStack
from cdk.parts.storage import Storage, bucket_arn
from isthmus import names
from isthmus.config import Platform, Studio


class DevStack(AccountStack):
    """A bucket for experiments, what every team's roles may do, and Studio where it is asked for."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, "dev", f"{platform.name}: experiments")
        keys = Keys(self, platform)
        self.network = network(self, platform, "dev", keys)
        federation(self, platform)
        infrastructure_roles(self, platform, "dev")
        storage = Storage(self, key=keys.data.arn, log_bucket=names.log_bucket(platform, self.account_id))
        experiments = names.experiment_bucket(platform)
        storage.bucket("Experiments", experiments)
        if platform.teams:
            scientist_policy(self, platform, data_key=keys.data.arn)
            jobs_policy(self, platform, data_key=keys.data.arn, network=self.network)
            _let_teams_use(platform, keys.data)
        # platform.yaml asks for Studio in a network only.
        if platform.studio and self.network:
            self._studio(platform, platform.studio, self.network, keys.data)
        log_insight(self, platform, "dev")
        job_logs(self, platform, "dev", keys.data)
        person_role(
            self,
            "Operator",
            names.operator_role(platform),
            platform,
            "Reads what the platform did in this account",
            [allow("s3:ListBucket", bucket_arn(experiments)), *ask(self, platform, "dev")],
        )

    def _studio(self, platform: Platform, studio: Studio, network: Network, data_key: Key) -> None:
        from cdk.parts.studio import studio_domain

        studio_domain(self, platform, studio, data_key=data_key.arn, network=network)
        data_key.allow_stacks("sagemaker")
        if studio.mlflow != "none":
            from cdk.parts.mlflow import MLFLOW, mlflow_policy

            mlflow_policy(self, platform, data_key=data_key.arn)
            data_key.allow(roles_of_models(platform, self.account_id, MLFLOW), USE)
        if studio.glue or studio.emr_serverless:
            from cdk.parts.spark import SPARK, spark_policies

            spark_policies(self, platform, studio, data_key=data_key.arn)
            data_key.allow(roles_of_models(platform, self.account_id, SPARK), USE)


def _let_teams_use(platform: Platform, key: Key) -> None:
    """For files, and for the volumes of jobs and spaces, for which SageMaker makes grants."""
    scientists = roles_of_models(platform, platform.accounts.dev, SCIENTIST)
    key.allow(scientists, (*USE, "kms:DescribeKey"))
    key.allow(scientists, ("kms:CreateGrant",), {"Bool": {"kms:GrantIsForAWSResource": "true"}})
