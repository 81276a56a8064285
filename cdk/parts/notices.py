"""What people are told by mail."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import allow_principal, document, service
from cdk.parts.keys import Key
from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_sns

PUBLISHERS = ("cloudwatch.amazonaws.com", "events.amazonaws.com")


def notices(scope: Construct, platform: Platform, key: Key) -> str:
    """A topic with the platform's mail addresses as subscribers, which alarms and events may publish to.

    Returns its ARN.
    """
    account = Stack.of(scope).account
    topic = aws_sns.CfnTopic(scope, "Notices", topic_name=names.topic(platform), kms_master_key_id=key.arn)
    for number, address in enumerate(platform.notifications.email):
        aws_sns.CfnSubscription(
            scope, f"Mail{number}", topic_arn=topic.ref, protocol="email", endpoint=address
        )
    for publisher in PUBLISHERS:
        key.allow_service(publisher)
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    aws_sns.CfnTopicPolicy(
        scope,
        "NoticesPolicy",
        topics=[topic.ref],
        policy_document=document(
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sns:Publish",
                "Resource": topic.ref,
                "Condition": insecure,
            },
            *(allow_principal(service(one, account), "sns:Publish", topic.ref) for one in PUBLISHERS),
        ),
    )
    return topic.ref
