"""What the bridge tells arrives: by a topic of the local AWS, in a queue that is subscribed to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bridge.notices import Waiting, tell
from tests.bridge.conftest import environment, forget
from tests.local.conftest import AUTOMATION, REGION, ROOT_SECRET, Aws, aws, issuer, programs

__all__ = ["aws", "issuer", "programs"]


@pytest.fixture
def queue(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a queue that hears the topic, in an environment in which the bridge finds both."""
    told = environment(aws.url) | {"AWS_SECRET_ACCESS_KEY": ROOT_SECRET}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    forget()
    sns, sqs = aws.client("sns", AUTOMATION), aws.client("sqs", AUTOMATION)
    topic = sns.create_topic(Name="isthmus-notifications")["TopicArn"]
    arn = f"arn:aws:sqs:{REGION}:{AUTOMATION}:mailbox"
    who = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}}
    policy = {"Version": "2012-10-17", "Statement": [who | {"Action": "sqs:SendMessage", "Resource": arn}]}
    url = sqs.create_queue(QueueName="mailbox", Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    aws.client("dynamodb", AUTOMATION).create_table(
        TableName=told["MEMORY_TABLE"],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return str(url)


def test_a_reminder_arrives_once(aws: Aws, queue: str) -> None:
    since = datetime.now(UTC) - timedelta(days=1, hours=2)
    what = "Version 3 of seattle-rain waits for an approver"
    waiting = Waiting("arn:3", what, since, lambda: ["Do: decide"])
    assert (tell(waiting), tell(waiting)) == (["reminded 1"], [])
    found = aws.client("sqs", AUTOMATION).receive_message(
        QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10
    )
    (message,) = found["Messages"]
    assert message["Body"] == f"Reminder: {what}. It has waited 1 day 2 hours.\nDo: decide"
