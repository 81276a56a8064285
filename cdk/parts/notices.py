"""What people are told by mail."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import service
from cdk.parts.keys import Key
from cdk.parts.topics import topic
from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_sns

PUBLISHERS = ("cloudwatch.amazonaws.com", "events.amazonaws.com")


def notices(scope: Construct, platform: Platform, key: Key) -> str:
    """A topic with the platform's mail addresses as subscribers, which alarms and events may publish to.

    Returns its ARN.
    """
    publishers = tuple(service(one, Stack.of(scope).account) for one in PUBLISHERS)
    policy = topic(scope, "Notices", names.topic(platform), key=key.arn, publishers=publishers)
    arn = policy.topics[0]
    for number, address in enumerate(platform.notifications.email):
        aws_sns.CfnSubscription(scope, f"Mail{number}", topic_arn=arn, protocol="email", endpoint=address)
    for publisher in PUBLISHERS:
        key.allow_service(publisher)
    return arn


def escalations(scope: Construct, platform: Platform, key: Key) -> str:
    """The topic of those who are told what others left waiting; empty where platform.yaml names nobody."""
    if not platform.approvals.escalate_to:
        return ""
    policy = topic(scope, "Escalations", names.escalations(platform), key=key.arn, publishers=())
    arn = policy.topics[0]
    for number, address in enumerate(platform.approvals.escalate_to):
        aws_sns.CfnSubscription(
            scope, f"EscalationMail{number}", topic_arn=arn, protocol="email", endpoint=address
        )
    return arn
