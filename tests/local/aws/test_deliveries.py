"""Rules and schedules deliver what they may, where they may, and bury the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role, policy
from tests.local.aws.test_cloudformation import fail_pipeline
from tests.local.conftest import AUTOMATION, REGION, Aws

SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}"
PIPELINE = f"{SAGEMAKER}:pipeline/delivered"
FROM_RULES = {"Service": "events.amazonaws.com"}


def until(look: Callable[[], Any], seconds: float = 60) -> Any:
    """What `look` finds as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
    return found


def put(aws: Aws, source: str) -> None:
    entry = {"Source": source, "DetailType": "told", "Detail": json.dumps({"from": source})}
    aws.client("events", AUTOMATION).put_events(Entries=[entry])


def rule(aws: Aws, source: str, **target: Any) -> str:
    """A rule that delivers events of `source` to the target; returns its ARN."""
    events = aws.client("events", AUTOMATION)
    arn: str = events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    assert not events.put_targets(Rule=source, Targets=[{"Id": "one", **target}])["FailedEntryCount"]
    return arn


def queue(aws: Aws, name: str, **attributes: str) -> tuple[str, str]:
    """A queue's URL and ARN."""
    made = aws.client("sqs", AUTOMATION).create_queue(QueueName=name, Attributes=attributes)
    return made["QueueUrl"], f"arn:aws:sqs:{REGION}:{AUTOMATION}:{name}"


def received(aws: Aws, url: str) -> list[str]:
    found = aws.client("sqs", AUTOMATION).receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"])["source"] for message in found.get("Messages", [])]


def let_in(aws: Aws, url: str, arn: str, source: str) -> None:
    statement = allow("sqs:SendMessage", arn, Principal=FROM_RULES)
    statement["Condition"] = {"ArnEquals": {"aws:SourceArn": source}}
    aws.client("sqs", AUTOMATION).set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(statement)})


def test_a_queue_gets_what_its_policy_lets_in_and_the_dead_letters_the_rest(aws: Aws) -> None:
    url, arn = queue(aws, "delivered")
    dead, dead_arn = queue(aws, "delivered-dead")
    source = rule(aws, "team.refused", Arn=arn, DeadLetterConfig={"Arn": dead_arn})
    let_in(aws, dead, dead_arn, source)
    put(aws, "team.refused")
    assert received(aws, url) == []
    assert received(aws, dead) == ["team.refused"]

    let_in(aws, url, arn, source)
    put(aws, "team.refused")
    assert received(aws, url) == ["team.refused"]


def test_an_encrypted_queue_needs_its_keys_policy_as_well(aws: Aws) -> None:
    kms = aws.client("kms", AUTOMATION)
    mine = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{AUTOMATION}:root"})
    key = kms.create_key(Policy=policy(mine))["KeyMetadata"]["Arn"]
    url, arn = queue(aws, "delivered-encrypted", KmsMasterKeyId=key)
    let_in(aws, url, arn, rule(aws, "team.encrypted", Arn=arn))
    put(aws, "team.encrypted")
    assert received(aws, url) == []
    shared = allow(["kms:GenerateDataKey", "kms:Decrypt"], "*", Principal=FROM_RULES)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(mine, shared))
    put(aws, "team.encrypted")
    assert received(aws, url) == ["team.encrypted"]


def test_s3_and_sns_need_the_keys_of_what_they_tell(aws: Aws) -> None:
    kms, sns, s3 = (aws.client(name, AUTOMATION) for name in ("kms", "sns", "s3"))
    mine = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{AUTOMATION}:root"})
    key = kms.create_key(Policy=policy(mine))["KeyMetadata"]["Arn"]
    topic = sns.create_topic(Name="delivered-arrivals", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    tells = policy(allow("sns:Publish", topic, Principal={"Service": "s3.amazonaws.com"}))
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=tells)
    url, arn = queue(aws, "delivered-arrivals", KmsMasterKeyId=key)
    hears = policy(allow("sqs:SendMessage", arn, Principal={"Service": "sns.amazonaws.com"}))
    aws.client("sqs", AUTOMATION).set_queue_attributes(QueueUrl=url, Attributes={"Policy": hears})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    s3.create_bucket(Bucket="delivered-arrivals", CreateBucketConfiguration={"LocationConstraint": REGION})
    told = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}

    def tell() -> None:
        s3.put_bucket_notification_configuration(Bucket="delivered-arrivals", NotificationConfiguration=told)

    def share(*services: str) -> None:
        who = {"Service": [f"{one}.amazonaws.com" for one in services]}
        uses = allow(["kms:GenerateDataKey", "kms:Decrypt"], "*", Principal=who)
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(mine, uses))

    def messages() -> list[dict[str, Any]]:
        found = aws.client("sqs", AUTOMATION).receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    with pytest.raises(ClientError, match="Unable to validate"):
        tell()
    share("s3")
    tell()
    assert messages() == []
    share("s3", "sns")
    tell()
    assert [one["Event"] for one in until(messages)] == ["s3:TestEvent"]


@pytest.fixture(scope="module")
def pipeline(aws: Aws) -> None:
    role = make_role(aws, AUTOMATION, "delivered-job", trusts="sagemaker.amazonaws.com")
    aws.client("sagemaker", AUTOMATION).create_pipeline(
        PipelineName="delivered", RoleArn=role, PipelineDefinition=fail_pipeline("for a test")
    )


def executions(aws: Aws) -> list[str]:
    found = aws.client("sagemaker", AUTOMATION).list_pipeline_executions(PipelineName="delivered")
    return [one["PipelineExecutionArn"] for one in found["PipelineExecutionSummaries"]]


@pytest.mark.usefixtures("pipeline")
def test_a_rule_starts_a_pipeline_as_its_targets_role(aws: Aws) -> None:
    powerless = make_role(aws, AUTOMATION, "delivered-cannot", trusts="events.amazonaws.com")
    may = allow("sagemaker:StartPipelineExecution", PIPELINE)
    starter = make_role(aws, AUTOMATION, "delivered-may", may, trusts="events.amazonaws.com")
    rule(aws, "team.powerless", Arn=PIPELINE, RoleArn=powerless)
    rule(aws, "team.starts", Arn=PIPELINE, RoleArn=starter)
    before = len(executions(aws))
    put(aws, "team.powerless")
    put(aws, "team.starts")
    until(lambda: len(executions(aws)) == before + 1)
    put(aws, "team.starts")
    until(lambda: len(executions(aws)) == before + 2)


@pytest.mark.usefixtures("pipeline")
def test_a_schedule_starts_a_pipeline_as_its_targets_role(aws: Aws) -> None:
    may = allow("sagemaker:StartPipelineExecution", PIPELINE)
    role = make_role(aws, AUTOMATION, "delivered-scheduler", may, trusts="scheduler.amazonaws.com")
    before = len(executions(aws))
    aws.client("scheduler", AUTOMATION).create_schedule(
        Name="delivered",
        ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": PIPELINE, "RoleArn": role},
    )
    until(lambda: len(executions(aws)) == before + 1)


def test_a_schedule_says_on_a_bus_what_its_role_may_say_and_when_it_was_due(aws: Aws) -> None:
    events, scheduler = aws.client("events", AUTOMATION), aws.client("scheduler", AUTOMATION)
    events.create_event_bus(Name="delivered-bus")
    bus = f"arn:aws:events:{REGION}:{AUTOMATION}:event-bus/delivered-bus"
    url, arn = queue(aws, "delivered-due")
    made = events.put_rule(
        Name="due", EventBusName="delivered-bus", EventPattern=json.dumps({"account": [AUTOMATION]})
    )
    events.put_targets(Rule="due", EventBusName="delivered-bus", Targets=[{"Id": "one", "Arn": arn}])
    let_in(aws, url, arn, made["RuleArn"])
    say = allow("events:PutEvents", bus)
    say["Condition"] = {"StringEquals": {"events:source": "team.schedule"}}
    role = make_role(aws, AUTOMATION, "delivered-says", say, trusts="scheduler.amazonaws.com")
    due = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    for name, source in (("refused", "team.other"), ("said", "team.schedule")):
        scheduler.create_schedule(
            Name=f"delivered-{name}",
            ScheduleExpression=f"at({due})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": bus,
                "RoleArn": role,
                "EventBridgeParameters": {"Source": source, "DetailType": "Due"},
                "Input": json.dumps({"model": "rain", "due": "<aws.scheduler.scheduled-time>"}),
            },
        )
    sqs = aws.client("sqs", AUTOMATION)
    found = until(lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"))
    (event,) = (json.loads(one["Body"]) for one in found)
    assert (event["source"], event["detail-type"], event["account"]) == ("team.schedule", "Due", AUTOMATION)
    assert event["detail"]["model"] == "rain"
    assert event["detail"]["due"] >= f"{due}Z"
