"""Retraining by the clock and approval by rule: what both need, where platform.yaml asks for them."""

from __future__ import annotations

import json

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.bus import say_as
from cdk.parts.grants import Statement, allow, make_role, sagemaker, service
from cdk.parts.keys import READ, Keys, through_s3
from cdk.parts.platform_tag import of_platform
from cdk.parts.registry import BY_RULE, PROVENANCE, TO_REMOVE, registry_arns
from cdk.parts.storage import objects
from isthmus import names
from isthmus.config import Model, Platform
from isthmus.resource_types import aws_scheduler


def schedule_role(scope: Construct, platform: Platform) -> None:
    """The role of the schedules: it may say that a model is due, and nothing else."""
    make_role(
        scope,
        "Schedule",
        names.schedule_role(platform),
        trust=service("scheduler.amazonaws.com", Stack.of(scope).account),
        description="EventBridge Scheduler, saying on the automation bus that a model is to be trained anew",
        statements=[say_as(platform, names.SCHEDULE_SOURCE)],
    )


def schedule(scope: Construct, platform: Platform, model: Model, every: str) -> None:
    """When the model is due, so often: an event for the bridge, which retrains unless the model rests."""
    account = Stack.of(scope).account
    bus = f"arn:aws:events:{platform.region}:{account}:event-bus/{names.event_bus(platform)}"
    aws_scheduler.CfnSchedule(
        scope,
        "Retraining",
        name=names.retraining_schedule(platform, model.name),
        description=f"Trains {model.name} anew",
        schedule_expression=every,
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": bus,
            "roleArn": names.role_arn(account, names.schedule_role(platform)),
            "eventBridgeParameters": {"source": names.SCHEDULE_SOURCE, "detailType": names.RETRAINING_DUE},
            # The same in every copy of the event, of which there may be several.
            "input": json.dumps({"model": model.name, "due": "<aws.scheduler.scheduled-time>"}),
        },
    )


def count_hours(scope: Construct, platform: Platform) -> list[Statement]:
    """Which executions there were: where a month's hours have a limit."""
    if not any(one.retraining.most_hours_per_month for one in platform.models):
        return []
    return [
        allow(
            "sagemaker:ListPipelineExecutions",
            sagemaker(Stack.of(scope), "pipeline/*"),
            of_platform(platform),
        )
    ]


def approve_by_rule(platform: Platform, keys: Keys) -> list[Statement]:
    """Approve versions of models that have a rule, and change nothing else; read how good they are."""
    if not any(one.retraining.approve for one in platform.models):
        return []
    artifacts = names.artifact_bucket(platform)
    through = through_s3(platform.region, artifacts)
    keys.data.allow_roles(READ, names.bridge(platform))
    _, versions = registry_arns(platform, "*")
    return [
        allow(
            "sagemaker:UpdateModelPackage",
            versions,
            {
                "StringEquals": {
                    **of_platform(platform)["StringEquals"],
                    **BY_RULE,
                    "sagemaker:ModelApprovalStatus": "Approved",
                },
                "StringEqualsIfExists": {"sagemaker:CustomerMetadataProperties/approved_by": "automatic"},
                "Null": {"sagemaker:ModelLifeCycle:stage": "true", TO_REMOVE: "true", **PROVENANCE},
            },
        ),
        allow("s3:GetObject", [f"{one}evaluation.json" for one in objects(artifacts, "*/runs/")]),
        allow(READ, keys.data.arn, through),
    ]
