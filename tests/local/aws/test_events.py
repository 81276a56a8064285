"""An alarm in one account reaches a queue in another, only where the bus allows it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.aws.documents import policy
from tests.local.conftest import AUTOMATION, PROD, REGION, Aws

PATTERN = json.dumps({"source": ["aws.cloudwatch"]})


@pytest.fixture
def received(aws: Aws) -> Callable[[], list[dict]]:
    events, sqs = aws.client("events", AUTOMATION), aws.client("sqs", AUTOMATION)
    events.create_event_bus(Name="hub")
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    events.put_rule(Name="all", EventBusName="hub", EventPattern=PATTERN)
    target = f"arn:aws:sqs:{REGION}:{AUTOMATION}:inbox"
    let_in(sqs, queue, target)
    events.put_targets(Rule="all", EventBusName="hub", Targets=[{"Id": "inbox", "Arn": target}])
    there = aws.client("events", PROD)
    there.put_rule(Name="forward", EventPattern=PATTERN)
    hub = f"arn:aws:events:{REGION}:{AUTOMATION}:event-bus/hub"
    role = forwarder(aws, hub)
    there.put_targets(Rule="forward", Targets=[{"Id": "hub", "Arn": hub, "RoleArn": role}])
    yield lambda: [
        json.loads(message["Body"])
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    ]
    events.remove_targets(Rule="all", EventBusName="hub", Ids=["inbox"])
    events.delete_event_bus(Name="hub")
    sqs.delete_queue(QueueUrl=queue)


def let_in(sqs: Any, queue: str, arn: str) -> None:
    """Let EventBridge put events into the queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:{REGION}:{AUTOMATION}:rule/hub/all"}},
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement)})


def forwarder(aws: Aws, hub: str) -> str:
    """A role with which EventBridge may put events on the bus."""
    iam = aws.client("iam", PROD)
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="forward", AssumeRolePolicyDocument=policy(trust))
    grant = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": hub}
    iam.put_role_policy(RoleName="forward", PolicyName="put", PolicyDocument=policy(grant))
    return f"arn:aws:iam::{PROD}:role/forward"


def put_metric(aws: Aws, value: float, model: str = "rain") -> None:
    dimensions = [{"Name": "Model", "Value": model}]
    datum = {"MetricName": "QualityLoss", "Dimensions": dimensions, "Value": value}
    aws.client("cloudwatch", PROD).put_metric_data(Namespace="Isthmus", MetricData=[datum])


def put_alarm(aws: Aws, name: str, model: str, **more: Any) -> None:
    aws.client("cloudwatch", PROD).put_metric_alarm(
        AlarmName=name,
        Namespace="Isthmus",
        MetricName="QualityLoss",
        Dimensions=[{"Name": "Model", "Value": model}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        **more,
    )


def test_without_permission_nothing_arrives(aws: Aws, received: Callable[[], list[dict]]) -> None:
    put_alarm(aws, "unheard", "one")
    put_metric(aws, 2, "one")
    assert received() == []


def test_an_alarm_arrives_as_cloudwatch_sends_it(aws: Aws, received: Callable[[], list[dict]]) -> None:
    aws.client("events", AUTOMATION).put_permission(
        EventBusName="hub", Action="events:PutEvents", Principal=PROD, StatementId="prod"
    )
    put_alarm(aws, "quality", "two")
    put_metric(aws, 0.5, "two")
    put_metric(aws, 3, "two")
    ok, alarm = received()
    assert ok["detail"]["state"]["value"] == "OK"
    assert (alarm["account"], alarm["source"]) == (PROD, "aws.cloudwatch")
    assert alarm["detail-type"] == "CloudWatch Alarm State Change"
    assert alarm["detail"]["previousState"]["value"] == "OK"
    assert alarm["detail"]["state"]["value"] == "ALARM"
    metric = alarm["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]
    assert metric["dimensions"] == {"Model": "two"}


def test_an_alarm_looks_at_its_own_dimensions_only(aws: Aws) -> None:
    put_alarm(aws, "mine", "three")
    put_metric(aws, 0.1, "three")
    put_metric(aws, 9, "four")
    (alarm,) = aws.client("cloudwatch", PROD).describe_alarms(AlarmNames=["mine"])["MetricAlarms"]
    assert alarm["StateValue"] == "OK"


@pytest.mark.parametrize(
    ("missing", "state"),
    [("breaching", "ALARM"), ("notBreaching", "OK"), ("missing", "INSUFFICIENT_DATA")],
)
def test_silence_is_what_the_alarm_says_it_is(aws: Aws, missing: str, state: str) -> None:
    put_alarm(aws, f"silent-{missing}", f"silent-{missing}", TreatMissingData=missing)
    put_metric(aws, 0, "somebody-else")
    cloudwatch = aws.client("cloudwatch", PROD)
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[f"silent-{missing}"])["MetricAlarms"]
    assert alarm["StateValue"] == state


def test_an_alarm_tells_a_topic_only_where_its_policy_lets_cloudwatch_in(aws: Aws) -> None:
    sns, sqs = aws.client("sns", PROD), aws.client("sqs", PROD)
    topic = sns.create_topic(Name="notices")["TopicArn"]
    url = sqs.create_queue(QueueName="notices")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{PROD}:notices"
    from_topic = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}}
    from_topic |= {"Action": "sqs:SendMessage", "Resource": queue}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(from_topic)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def publishers(service: str) -> None:
        may = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sns:Publish"}
        text = policy(may | {"Resource": topic})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=text)

    for service, model, count in (
        ("events.amazonaws.com", "five", 0),
        ("cloudwatch.amazonaws.com", "six", 1),
    ):
        publishers(service)
        put_alarm(aws, f"told-{model}", model, AlarmActions=[topic])
        put_metric(aws, 2, model)
        assert len(sqs.receive_message(QueueUrl=url).get("Messages", [])) == count
