"""An alarm in one account reaches a queue in another, only where the bus allows it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.local.conftest import AUTOMATION, PROD, REGION, Aws

PATTERN = json.dumps({"source": ["aws.cloudwatch"]})


@pytest.fixture
def received(aws: Aws) -> Callable[[], list[dict]]:
    events, sqs = aws.client("events", AUTOMATION), aws.client("sqs", AUTOMATION)
    events.create_event_bus(Name="hub")
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    events.put_rule(Name="all", EventBusName="hub", EventPattern=PATTERN)
    target = f"arn:aws:sqs:{REGION}:{AUTOMATION}:inbox"
    events.put_targets(Rule="all", EventBusName="hub", Targets=[{"Id": "inbox", "Arn": target}])
    there = aws.client("events", PROD)
    there.put_rule(Name="forward", EventPattern=PATTERN)
    hub = f"arn:aws:events:{REGION}:{AUTOMATION}:event-bus/hub"
    role = f"arn:aws:iam::{PROD}:role/forward"
    there.put_targets(Rule="forward", Targets=[{"Id": "hub", "Arn": hub, "RoleArn": role}])
    yield lambda: [
        json.loads(message["Body"])
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    ]
    events.remove_targets(Rule="all", EventBusName="hub", Ids=["inbox"])
    events.delete_event_bus(Name="hub")
    sqs.delete_queue(QueueUrl=queue)


def put_metric(aws: Aws, value: float, model: str = "rain") -> None:
    dimensions = [{"Name": "Model", "Value": model}]
    datum = {"MetricName": "QualityLoss", "Dimensions": dimensions, "Value": value}
    aws.client("cloudwatch", PROD).put_metric_data(Namespace="Isthmus", MetricData=[datum])


def put_alarm(aws: Aws, name: str, model: str) -> None:
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
