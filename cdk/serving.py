"""A serving account: staging and prod are two instances of this one class, so they cannot drift apart."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.bus import forward_alarms
from cdk.parts.deployment import Deployment
from cdk.parts.federation import Federation
from cdk.parts.hosting import Hosting
from cdk.parts.keys import account_key
from cdk.parts.network import network
from cdk.parts.people import serving_data_owner, serving_operator
from cdk.parts.stack import AccountStack
from cdk.parts.storage import Storage
from isthmus import names
from isthmus.config import Platform, Stage

KEEP_CAPTURES_DAYS = 400


class ServingStack(AccountStack):
    """What endpoints and their monitors stand on, and how versions get there."""

    def __init__(self, scope: Construct, platform: Platform, stage: Stage) -> None:
        super().__init__(scope, platform, stage, f"{platform.name}: where models serve, {stage}")
        key = account_key(self, platform)
        self.network = network(self, platform, stage, key)
        storage = Storage(self, key=key, log_bucket=names.log_bucket(platform, self.account_id))
        capture = names.capture_bucket(platform, self.account_id)
        truth = names.ground_truth_bucket(platform, self.account_id)
        storage.bucket("Capture", capture, expire_days=KEEP_CAPTURES_DAYS)
        storage.bucket("GroundTruth", truth)
        Hosting(self, platform, key=key, capture=capture, ground_truth=truth)
        federation = Federation(self, platform)
        for model in platform.models:
            Deployment(self, platform, model.name, stage, key=key, federation=federation)
        serving_operator(self, platform, key, capture)
        serving_data_owner(self, platform, key, truth)
        forward_alarms(self, platform)
