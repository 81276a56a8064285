"""What people are told by mail."""

from __future__ import annotations

from aws_cdk import aws_iam, aws_kms, aws_sns
from constructs import Construct

from cdk.parts.keys import as_given, let_service_use
from isthmus import names
from isthmus.config import Platform


def notices(scope: Construct, platform: Platform, key: aws_kms.Key) -> aws_sns.Topic:
    """A topic with the platform's mail addresses as subscribers, which alarms and events may publish to."""
    topic = aws_sns.Topic(
        scope,
        "Notices",
        topic_name=names.topic(platform),
        master_key=as_given(scope, key),
        enforce_ssl=True,
    )
    for number, address in enumerate(platform.notifications.email):
        aws_sns.Subscription(
            topic,
            f"Mail{number}",
            topic=topic,
            protocol=aws_sns.SubscriptionProtocol.EMAIL,
            endpoint=address,
        )
    for service in ("cloudwatch.amazonaws.com", "events.amazonaws.com"):
        let_service_use(key, service)
        topic.grant_publish(aws_iam.ServicePrincipal(service))
    return topic
