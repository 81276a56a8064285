"""Events that people are told about, in sentences that say what happened, where, and what to do next.

Alarms have words of their own, and what waits for a person the bridge tells (`bridge/notices.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import Principal, alarms, allow, make_role, service
from cdk.parts.keys import Key
from cdk.parts.topics import topic
from isthmus import names
from isthmus.config import Platform
from isthmus.config.notifications import Notifications
from isthmus.resource_types import aws_events

CHAT: Principal = ({"Service": "chatbot.amazonaws.com"}, {})


@dataclass(frozen=True)
class Announcement:
    """Which events are told, and as what: `<name>` stands for what lies at `values[name]` in an event."""

    id: str
    what: str
    detail_type: str
    detail: dict[str, Any]
    values: dict[str, str]
    sentence: str
    source: str = "aws.sagemaker"


FAILED_RUN = Announcement(
    "FailedRun",
    "A SageMaker pipeline that failed, or whose model was not good enough",
    "SageMaker Model Building Pipeline Execution Status Change",
    {"currentPipelineExecutionStatus": ["Failed"]},
    {"run": "$.detail.pipelineExecutionDisplayName", "execution": "$.detail.pipelineExecutionArn"},
    "A SageMaker pipeline ended without a result in account <account>: <run>. "
    "The step that failed says why: "
    "aws sagemaker list-pipeline-execution-steps --pipeline-execution-arn <execution>",
)
FAILED_ENDPOINT = Announcement(
    "FailedEndpoint",
    "An endpoint that could not be made or changed",
    "SageMaker Endpoint State Change",
    {"EndpointStatus": ["FAILED"]},
    {"endpoint": "$.detail.EndpointName"},
    "Endpoint <endpoint> in account <account> failed; what it served before goes on serving. "
    "See why: aws sagemaker describe-endpoint --endpoint-name <endpoint>",
)


REJECTED_FILE = Announcement(
    "RejectedFile",
    "A file that landed and is not fit to train on",
    names.DATA_FILE_REJECTED,
    {"reason": [{"exists": True}]},
    {"model": "$.detail.model", "file": "$.detail.file", "reason": "$.detail.reason"},
    "A file that landed for <model> was not taken, and its data set waits for another one in its place. "
    "<file>: <reason>. It lies under rejected/ in the landing bucket of account <account>.",
    source=names.LANDING_SOURCE,
)

# As `isthmus/deploy/records.py` writes down where a version runs.
REJECTED_WHILE_RUNNING = Announcement(
    "RejectedWhileRunning",
    "A version that is no longer approved and still serves",
    "SageMaker Model Package State Change",
    {
        "ModelApprovalStatus": ["Rejected", "PendingManualApproval"],
        "UpdatedModelPackageFields": ["ModelApprovalStatus"],
        "ModelLifeCycle": {"StageStatus": [names.SERVES, names.COMPARED]},
    },
    {
        "model": "$.detail.ModelPackageGroupName",
        "version": "$.detail.ModelPackageVersion",
        "status": "$.detail.ModelApprovalStatus",
        "stage": "$.detail.ModelLifeCycle.Stage",
    },
    "Version <version> of <model> is <status> now in account <account>, and still serves <stage>: "
    "a rejection stops nothing that runs, and starts a rollback only where platform.yaml says so "
    "(rollback_rejected). "
    "Put another in its place: isthmus rollback <model> --stage <stage> --reason WHY, or approve a new one. "
    "See which: isthmus models <model>",
)


def announce(
    scope: Construct, platform: Platform, notices: str, *announcements: Announcement, bus: str | None = None
) -> None:
    """Publish each announcement's events (of the default bus, or another) to the topic as its sentence.

    And to the chats' own topic as they show it: a rule cannot tell a topic's subscribers apart.
    """
    has_chats = bool(platform.notifications.slack or platform.notifications.teams)
    for one in announcements:
        aws_events.CfnRule(
            scope,
            f"Tell{one.id}",
            name=f"{platform.name}-tell-{one.id.lower()}",
            description=one.what,
            event_bus_name=bus,
            event_pattern={
                "source": [one.source],
                "detail-type": [one.detail_type],
                "detail": one.detail,
            },
            targets=[
                _target("people", notices, one, one.sentence),
                *([_target("chats", _chats(scope, platform), one, _notification(one))] if has_chats else []),
            ],
        )


def _target(id_: str, arn: str, announcement: Announcement, template: Any) -> dict[str, Any]:
    paths = {**announcement.values, "account": "$.account"}
    transformer = {"inputPathsMap": paths, "inputTemplate": json.dumps(template)}
    return {"id": id_, "arn": arn, "inputTransformer": transformer}


def _notification(one: Announcement) -> dict[str, Any]:
    """The only form in which Amazon Q shows another's words; it drops plain ones.

    https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    content = {"textType": "client-markdown", "title": one.what, "description": one.sentence}
    return {"version": "1.0", "source": "custom", "content": content}


def _chats(scope: Construct, platform: Platform) -> str:
    stack = Stack.of(scope)
    return f"arn:aws:sns:{stack.region}:{stack.account}:{names.chats(platform)}"


def chat(scope: Construct, platform: Platform, notices: str, key: Key) -> None:
    """Tell alarms and what waits in Slack and Teams too, by Amazon Q Developer in chat applications.

    So are the announcements, by a topic of the chats' own, since mail readers get those as sentences.

    The channels show messages and alarms; nobody acts in AWS from there.
    """
    asked: Notifications = platform.notifications
    if not (asked.slack or asked.teams):
        return
    from isthmus.resource_types import aws_chatbot

    events = service("events.amazonaws.com", Stack.of(scope).account)
    policy = topic(scope, "Chats", names.chats(platform), key=key.arn, publishers=(events,))
    name = names.chat_role(platform)
    role = make_role(
        scope,
        "Chat",
        name,
        trust=CHAT,
        description="Amazon Q Developer in chat applications, showing alarms",
        statements=[allow("cloudwatch:DescribeAlarms", alarms(Stack.of(scope), platform))],
    )
    # Without a guard rail of its own, a channel's is AdministratorAccess.
    shared: dict[str, Any] = {
        "iam_role_arn": role.attr_arn,
        "sns_topic_arns": [notices, *policy.topics],
        "guardrail_policies": role.managed_policy_arns,
        "logging_level": "ERROR",
    }
    if asked.slack:
        aws_chatbot.CfnSlackChannelConfiguration(
            scope,
            "Slack",
            configuration_name=f"{platform.name}-slack",
            slack_workspace_id=asked.slack.workspace_id,
            slack_channel_id=asked.slack.channel_id,
            **shared,
        )
    if asked.teams:
        aws_chatbot.CfnMicrosoftTeamsChannelConfiguration(
            scope,
            "Teams",
            configuration_name=f"{platform.name}-teams",
            team_id=asked.teams.team_id,
            teams_tenant_id=asked.teams.tenant_id,
            teams_channel_id=asked.teams.channel_id,
            **shared,
        )
