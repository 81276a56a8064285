"""The automation account: registry, artifacts, images, training policies, event bus and the bridge."""

from __future__ import annotations

from constructs import Construct

from cdk.features import feature_role
from cdk.parts.announcements import FAILED_RUN, REJECTED_FILE, announce, chat
from cdk.parts.auditor import automation_auditor
from cdk.parts.bridge import Bridge
from cdk.parts.bus import automation_bus
from cdk.parts.federation import federation
from cdk.parts.grants import MODEL, roles_of, roles_of_models
from cdk.parts.images import image_repository
from cdk.parts.infrastructure import infrastructure_roles
from cdk.parts.keys import READ, USE, Key, Keys, through_s3, through_sqs
from cdk.parts.log_alarms import log_alarms
from cdk.parts.log_insight import log_insight
from cdk.parts.logs import job_logs
from cdk.parts.network import network
from cdk.parts.notices import escalations, notices
from cdk.parts.people import approver, automation_data_owner, automation_operator
from cdk.parts.retraining import schedule_role
from cdk.parts.saved_queries import log_groups
from cdk.parts.stack import AccountStack
from cdk.parts.storage import Bucket, Storage
from cdk.parts.training import training_policies
from isthmus import names
from isthmus.config import STAGES, Platform


class AutomationStack(AccountStack):
    """What all models are trained with, what keeps them, and what carries events to Azure DevOps."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, "automation", f"{platform.name}: registry, training and bridge")
        keys = Keys(self, platform)
        self.network = network(self, platform, "automation", keys)
        keys.images.allow_stacks("ecr")
        storage = Storage(self, key=keys.data.arn, log_bucket=names.log_bucket(platform, self.account_id))
        artifacts = storage.bucket("Artifacts", names.artifact_bucket(platform))
        data = storage.bucket("Data", names.data_bucket(platform))
        _share(platform, keys.data, artifacts, data)
        if platform.feature_groups:
            storage.bucket("Features", names.feature_bucket(platform))
            feature_role(self, platform, data_key=keys.data.arn)
            keys.data.allow_roles(USE, names.feature_role(platform))
            keys.data.allow_stacks("sagemaker")
        image_repository(self, platform, key=keys.images.arn)
        federation(self, platform)
        infrastructure_roles(self, platform, "automation")
        training_policies(self, platform, data_key=keys.data.arn, network=self.network)
        approver(self, platform, data_key=keys.data.arn, messages_key=keys.messages.arn)
        approvers = roles_of(self.account_id, names.approver_role(platform))
        keys.messages.allow(approvers, USE, through_sqs(platform.region))
        automation_operator(self, platform, data_key=keys.data.arn)
        automation_auditor(self, platform, data_key=keys.data.arn)
        automation_data_owner(self, platform, data_key=keys.data.arn, data=data.name)
        topic, bus = notices(self, platform, keys.messages), automation_bus(self, platform)
        announce(self, platform, topic, FAILED_RUN)
        chat(self, platform, topic, keys.messages)
        functions: list[Construct] = []
        if platform.lands:
            from cdk.parts.landing import LandingZone

            functions += [LandingZone(self, platform, keys=keys, storage=storage, notices=topic)]
            announce(self, platform, topic, REJECTED_FILE, bus=bus.ref)
        if any(model.retraining.schedule for model in platform.models):
            schedule_role(self, platform)
        others = escalations(self, platform, keys.messages)
        functions += [
            Bridge(self, platform, keys=keys, bus=bus.ref, notices=topic, escalations=others or topic)
        ]
        log_alarms(self, platform, topic, *functions)
        log_insight(self, platform, "automation")
        jobs = job_logs(self, platform, "automation", keys.data)
        if platform.logs.opensearch:
            from cdk.parts.log_search import LogSearch

            LogSearch(
                self,
                platform,
                keys=keys,
                storage=storage,
                notices=topic,
                groups=log_groups(platform, "automation"),
                after=[*functions, *jobs],
            )


def _share(platform: Platform, key: Key, artifacts: Bucket, data: Bucket) -> None:
    """Who uses training data and artifacts: here by its own policy, elsewhere by the bucket's as well."""
    automation = platform.accounts.automation
    key.allow(roles_of_models(platform, automation, "build", "pipeline"), USE)
    key.allow_grants(roles_of_models(platform, automation, "pipeline"))
    key.allow(roles_of_models(platform, automation, "synth"), READ)
    key.allow_roles(USE, names.data_role(platform))
    key.allow_roles(READ, names.approver_role(platform), names.operator_role(platform))
    key.allow(
        roles_of(automation, names.audit_role(platform)), READ, through_s3(platform.region, artifacts.name)
    )
    # Which models a team reads stands in its role's policies: a bucket's has no room for all.
    scientists = roles_of_models(platform, platform.accounts.dev, "scientist")
    key.allow(scientists, READ, through_s3(platform.region, artifacts.name, data.name))
    artifacts.allow_read(scientists)
    data.allow_read(scientists)
    for stage in STAGES:
        account = getattr(platform.accounts, stage)
        readers = roles_of_models(platform, account, "cloudformation", "deploy", "model", "monitor")
        key.allow(readers, READ, through_s3(platform.region, artifacts.name))
        artifacts.allow_read(readers, f"{MODEL}/")
