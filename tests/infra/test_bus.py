"""An alarm of a serving account arrives on the automation account's bus, by its forwarder and nobody else."""

from __future__ import annotations

import json
import time

import pytest

from isthmus import names
from tests.cdk.conftest import MODEL
from tests.infra.lab import PROD, Lab
from tests.local.conftest import AUTOMATION, REGION

EVERYBODY = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}


@pytest.fixture(scope="module")
def seen(lab: Lab) -> str:
    """The URL of a queue that gets what arrives on the bus."""
    sqs, events = (lab.client(service, account=AUTOMATION) for service in ("sqs", "events"))
    arn = f"arn:aws:sqs:{REGION}:{AUTOMATION}:seen"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [EVERYBODY | {"Resource": arn}]})
    url: str = sqs.create_queue(QueueName="seen", Attributes={"Policy": policy})["QueueUrl"]
    on = {"EventBusName": names.event_bus(lab.platform)}
    events.put_rule(Name="seen", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}), **on)
    events.put_targets(Rule="seen", Targets=[{"Id": "seen", "Arn": arn}], **on)
    return url


def alarmed(lab: Lab, name: str) -> None:
    cloudwatch = lab.client("cloudwatch", account=PROD)
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Isthmus",
        MetricName="Drift",
        Period=60,
        EvaluationPeriods=1,
        Statistic="Maximum",
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="tried")


def received(lab: Lab, queue: str, last: str) -> set[str]:
    """The names of the alarms until `last` arrives, each taken off the queue, which would show it again."""
    sqs, deadline = lab.client("sqs", account=AUTOMATION), time.monotonic() + 60
    arrived: set[str] = set()
    while last not in arrived and time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
            arrived.add(json.loads(message["Body"])["detail"]["alarmName"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return arrived


def test_our_alarms_arrive_and_others_stay(lab: Lab, seen: str) -> None:
    alarmed(lab, "somebody-elses")
    ours = names.drift_alarm(lab.platform, MODEL)
    alarmed(lab, ours)
    assert received(lab, seen, last=ours) == {ours}


def test_nobody_but_the_forwarder_sends_them(lab: Lab, seen: str) -> None:
    """A rule of another role of the same account, which may put events by its own policy."""
    iam, events = (lab.client(service, account=PROD) for service in ("iam", "events"))
    forwarder = names.forwarder_role(lab.platform)
    trust = iam.get_role(RoleName=forwarder)["Role"]["AssumeRolePolicyDocument"]
    iam.create_role(RoleName="another", AssumeRolePolicyDocument=json.dumps(trust))
    policy = f"arn:aws:iam::{PROD}:policy/{forwarder}"
    iam.attach_role_policy(RoleName="another", PolicyArn=policy)
    bus = f"arn:aws:events:{REGION}:{AUTOMATION}:event-bus/{names.event_bus(lab.platform)}"
    events.put_rule(Name="another", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}))
    role = f"arn:aws:iam::{PROD}:role/another"
    events.put_targets(Rule="another", Targets=[{"Id": "bus", "Arn": bus, "RoleArn": role}])
    alarmed(lab, "from-another")
    after = f"{names.drift_alarm(lab.platform, MODEL)}-again"
    alarmed(lab, after)
    assert "from-another" not in received(lab, seen, last=after)
