"""A serving account: staging and prod are two instances of this one class, so they cannot drift apart."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.announcements import FAILED_ENDPOINT, FAILED_RUN, announce, chat
from cdk.parts.auditor import prod_auditor
from cdk.parts.bus import forward_alarms
from cdk.parts.dashboards import dashboards
from cdk.parts.deployment import deployment_policies
from cdk.parts.fallback import fallback
from cdk.parts.federation import federation
from cdk.parts.grants import roles_of, roles_of_models
from cdk.parts.hosting import hosting_policies
from cdk.parts.infrastructure import infrastructure_roles
from cdk.parts.keys import USE, Keys
from cdk.parts.log_insight import log_insight
from cdk.parts.logs import job_logs
from cdk.parts.network import network
from cdk.parts.notices import notices
from cdk.parts.people import serving_data_owner, serving_operator
from cdk.parts.sight import bridge_sight
from cdk.parts.stack import AccountStack
from cdk.parts.storage import Storage
from isthmus import names
from isthmus.config import Platform, Stage

KEEP_CAPTURES_DAYS = 400


class ServingStack(AccountStack):
    """What all endpoints and their monitors stand on, and what those may who bring versions there."""

    def __init__(self, scope: Construct, platform: Platform, stage: Stage) -> None:
        super().__init__(scope, platform, stage, f"{platform.name}: where models serve, {stage}")
        keys = Keys(self, platform)
        self.network = network(self, platform, stage, keys)
        storage = Storage(self, key=keys.data.arn, log_bucket=names.log_bucket(platform, self.account_id))
        capture = names.capture_bucket(platform, self.account_id)
        truth = names.ground_truth_bucket(platform, self.account_id)
        storage.bucket(
            "Capture",
            capture,
            expire_days=KEEP_CAPTURES_DAYS,
            # A file that arrives may start a batch transform.
            notification_configuration={"eventBridgeConfiguration": {"eventBridgeEnabled": True}},
        )
        storage.bucket("GroundTruth", truth)
        keys.data.allow(roles_of_models(platform, self.account_id, "model", "monitor", "deploy"), USE)
        keys.data.allow_grants(
            roles_of_models(platform, self.account_id, "cloudformation", "monitor", "batch")
        )
        if platform.shared_endpoints:
            # CloudFormation makes these as the account's, and not as a model's.
            deployer = names.bootstrap_role(self.account_id, platform.region, "cfn-exec")
            keys.data.allow_grants(roles_of(self.account_id, deployer))
        keys.data.allow_roles(USE, names.data_role(platform), names.operator_role(platform))
        hosting_policies(
            self,
            platform,
            data_key=keys.data.arn,
            messages_key=keys.messages.arn,
            capture=capture,
            ground_truth=truth,
            network=self.network,
        )
        keys.messages.allow(roles_of_models(platform, self.account_id, "model"), USE)
        deployment_policies(
            self, platform, stage, data_key=keys.data.arn, capture=capture, network=self.network
        )
        federation(self, platform)
        infrastructure_roles(self, platform, stage)
        if stage == "prod":
            prod_auditor(self, platform)
            fallback(self, platform)
        bridge_sight(self, platform)
        serving_operator(self, platform, stage, data_key=keys.data.arn, capture=capture, ground_truth=truth)
        serving_data_owner(self, platform, data_key=keys.data.arn, ground_truth=truth)
        forward_alarms(self, platform)
        topic = notices(self, platform, keys.messages)
        announce(self, platform, topic, FAILED_ENDPOINT, FAILED_RUN)
        chat(self, platform, topic, keys.messages)
        dashboards(self, platform, stage)
        log_insight(self, platform, stage)
        job_logs(self, platform, stage, keys.data)
        if platform.api:
            from cdk.parts.api import endpoints_api

            endpoints_api(self, platform, stage, platform.api, keys, self.network)
