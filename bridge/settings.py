"""What the bridge is told by its environment, read once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Settings:
    """`models_path` leads to the models that may be deployed and retrained; events come from two accounts.
    `staging_role` and `prod_role` are the ARNs of those who may look at what serves there; `fallback_role` is
    that of who may set its weights in prod.

    A message that was tried `attempts` times is a dead letter. People are reminded after so many seconds, and
    others told after `escalate_after`, unless that is 0.
    """

    organization_url: str
    project: str
    authority: str
    tenant: str
    client_id: str
    audience: str
    table: str
    waiting_table: str
    bus: str
    queue_url: str
    dead_letters_url: str
    attempts: int
    models_path: str
    artifacts: str
    automation_account: str
    prod_account: str
    staging_role: str
    prod_role: str
    fallback_role: str
    region: str
    platform: str
    notices: str
    escalations: str
    remind_after: tuple[int, ...]
    escalate_after: int


@cache
def settings() -> Settings:
    """The settings of this Lambda; raises `KeyError` naming the variable that is missing."""
    said = os.environ
    return Settings(
        organization_url=said["AZURE_DEVOPS_URL"].rstrip("/"),
        project=said["AZURE_DEVOPS_PROJECT"],
        authority=said["AZURE_AUTHORITY_HOST"].rstrip("/"),
        tenant=said["AZURE_TENANT_ID"],
        client_id=said["AZURE_CLIENT_ID"],
        audience=said["AZURE_AUDIENCE"],
        table=said["MEMORY_TABLE"],
        waiting_table=said["WAITING_TABLE"],
        bus=said["EVENT_BUS"],
        queue_url=said["QUEUE_URL"],
        dead_letters_url=said["DEAD_LETTERS_URL"],
        attempts=int(said["ATTEMPTS"]),
        models_path=said["MODELS_PATH"],
        artifacts=said["ARTIFACT_BUCKET"],
        automation_account=said["AUTOMATION_ACCOUNT"],
        prod_account=said["PROD_ACCOUNT"],
        staging_role=said["STAGING_ROLE"],
        prod_role=said["PROD_ROLE"],
        fallback_role=said["FALLBACK_ROLE"],
        region=said["AWS_REGION"],
        platform=said["PLATFORM"],
        notices=said["NOTICES_TOPIC"],
        escalations=said["ESCALATIONS_TOPIC"],
        remind_after=tuple(map(int, said["REMIND_AFTER"].split())),
        escalate_after=int(said["ESCALATE_AFTER"]),
    )
