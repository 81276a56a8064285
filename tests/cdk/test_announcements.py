"""What people are told, by mail and in chats: what happened, where, and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from isthmus import names
from isthmus.config import Platform
from tests.local.conftest import AUTOMATION, REGION, Aws, aws, issuer, programs

__all__ = ["aws", "issuer", "programs"]
ACCOUNTS = ("automation", "staging", "prod")


def resources(assembly: Path, platform: Platform, account: str, type_: str) -> list[dict[str, Any]]:
    template = json.loads((assembly / f"{names.stack(platform, account)}.template.json").read_text())
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == type_]


def rule(assembly: Path, platform: Platform, account: str, name: str) -> dict[str, Any]:
    every = resources(assembly, platform, account, "AWS::Events::Rule")
    return next(one for one in every if one["Name"] == f"{platform.name}-tell-{name}")


def letting(service: str, action: str, resource: str) -> str:
    who = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [who | {"Action": action, "Resource": resource}]}
    )


def told(aws: Aws, wanted: dict[str, Any], event: dict[str, Any], whom: str = "people") -> list[str]:
    """The messages that a topic's subscriber receives after the event, by the template's rule."""
    name, sns, sqs = f"{wanted['Name']}-{whom}", aws.client("sns", AUTOMATION), aws.client("sqs", AUTOMATION)
    events = aws.client("events", AUTOMATION)
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=letting("events", "sns:Publish", topic)
    )
    arn = f"arn:aws:sqs:{REGION}:{AUTOMATION}:{name}"
    policy = {"Policy": letting("sns", "sqs:SendMessage", arn)}
    queue = sqs.create_queue(QueueName=name, Attributes=policy)["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    (target,) = (one for one in wanted["Targets"] if one["Id"] == whom)
    transformer = target["InputTransformer"]
    # Nobody but AWS may put events of its own sources; all else is as in the template.
    events.put_rule(Name=name, EventPattern=json.dumps(wanted["EventPattern"] | {"source": ["test"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "people", "Arn": topic, "InputTransformer": transformer}])
    assert events.put_events(Entries=[event])["FailedEntryCount"] == 0
    found = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10)
    events.remove_targets(Rule=name, Ids=["people"])
    events.delete_rule(Name=name)
    return [one["Body"] for one in found.get("Messages", [])]


def test_the_bridge_tells_what_waits_and_may_publish_to_those_topics_alone(
    assembly: Path, platform: Platform
) -> None:
    functions = resources(assembly, platform, "automation", "AWS::Lambda::Function")
    bridge = next(one for one in functions if one["FunctionName"] == names.bridge(platform))
    told = bridge["Environment"]["Variables"]
    # No address to escalate to is named: nothing is made for it, and nobody is told.
    assert told["ESCALATIONS_TOPIC"] == told["NOTICES_TOPIC"]
    assert (told["REMIND_AFTER"], told["ESCALATE_AFTER"]) == ("", "0")
    publishing = [
        statement["Resource"]
        for policy in resources(assembly, platform, "automation", "AWS::IAM::ManagedPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == ["sns:Publish"]
    ]
    assert publishing == [[told["NOTICES_TOPIC"]]]


def test_an_endpoint_that_failed_is_announced(aws: Aws, assembly: Path, platform: Platform) -> None:
    event = {
        "Source": "test",
        "DetailType": "SageMaker Endpoint State Change",
        "Detail": json.dumps({"EndpointName": "seattle-rain", "EndpointStatus": "FAILED"}),
    }
    (message,) = told(aws, rule(assembly, platform, "prod", "failedendpoint"), event)
    assert "Endpoint seattle-rain" in message and "describe-endpoint" in message


REJECTED = {
    "ModelPackageGroupName": "seattle-rain",
    "ModelPackageVersion": 7,
    "ModelPackageStatus": "Completed",
    "ModelApprovalStatus": "Rejected",
    "ModelLifeCycle": {"Stage": "prod", "StageStatus": "InService", "StageDescription": "run 12"},
    "UpdatedModelPackageFields": ["ModelApprovalStatus", "ApprovalDescription"],
}


def rejection(**detail: Any) -> dict[str, Any]:
    kind = "SageMaker Model Package State Change"
    return {"Source": "test", "DetailType": kind, "Detail": json.dumps(REJECTED | detail)}


@pytest.mark.parametrize(
    ("status", "cycle"),
    [("Rejected", "InService"), ("PendingManualApproval", "InService"), ("Rejected", "Challenger")],
)
def test_a_version_that_lost_its_approval_and_still_serves_is_announced(
    aws: Aws, assembly: Path, platform: Platform, status: str, cycle: str
) -> None:
    wanted = rule(assembly, platform, "automation", "rejectedwhilerunning")
    life = {"Stage": "prod", "StageStatus": cycle}
    (message,) = told(aws, wanted, rejection(ModelApprovalStatus=status, ModelLifeCycle=life))
    assert f"Version 7 of seattle-rain is {status} now in account {AUTOMATION}" in message
    assert "still serves prod" in message and "isthmus models seattle-rain" in message


@pytest.mark.parametrize(
    "detail",
    [
        {"ModelApprovalStatus": "Approved"},
        {"UpdatedModelPackageFields": ["CustomerMetadataProperties"]},
        {"ModelLifeCycle": {"Stage": "prod", "StageStatus": "Retired"}},
        {"ModelLifeCycle": None},
    ],
    ids=["approved", "edited", "retired", "never-ran"],
)
def test_a_rejection_of_what_serves_nobody_is_not_announced(
    aws: Aws, assembly: Path, platform: Platform, detail: dict[str, Any]
) -> None:
    wanted = rule(assembly, platform, "automation", "rejectedwhilerunning")
    assert told(aws, wanted, rejection(**detail)) == []


def test_a_file_that_was_rejected_is_announced_with_the_reason(
    aws: Aws, full: Path, platform: Platform
) -> None:
    event = {
        "Source": "test",
        "DetailType": "Data File Rejected",
        "Detail": json.dumps({"model": "seattle-rain", "file": "may/a.csv", "reason": "it has 0 rows"}),
    }
    wanted = rule(full, platform, "automation", "rejectedfile")
    (message,) = told(aws, wanted, event)
    assert "for seattle-rain" in message and "may/a.csv: it has 0 rows." in message
    assert wanted["EventBusName"] and wanted["EventPattern"]["source"] == ["isthmus.landing"]


# By AWS's table of parameters: docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
SHOWN = {
    "type": "object",
    "required": ["version", "source", "content"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "1.0"},
        "source": {"const": "custom"},
        "id": {"type": "string"},
        "content": {
            "type": "object",
            "required": ["description"],
            "additionalProperties": False,
            "properties": {
                "textType": {"const": "client-markdown"},
                "title": {"type": "string"},
                "description": {"type": "string", "minLength": 1},
                "nextSteps": {"type": "array", "items": {"type": "string"}},
                "keywords": {"type": "array", "items": {"type": "string"}},
            },
        },
        "metadata": {"type": "object"},
    },
}
FAILED = {"currentPipelineExecutionStatus": "Failed", "pipelineExecutionDisplayName": "run-7"}
HAPPENED = {
    "failedrun": (FAILED | {"pipelineExecutionArn": "arn:aws:sagemaker:eu-west-1:1:pipeline/p"}, "run-7"),
    "failedendpoint": ({"EndpointName": "seattle-rain", "EndpointStatus": "FAILED"}, "seattle-rain"),
    "rejectedwhilerunning": (REJECTED, "Version 7 of seattle-rain"),
    "rejectedfile": ({"model": "seattle-rain", "file": "may/a.csv", "reason": "no rows"}, "may/a.csv"),
}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_chats_get_each_announcement_as_amazon_q_shows_it_and_mail_as_a_sentence(
    aws: Aws, full: Path, platform: Platform, account: str
) -> None:
    """Amazon Q drops words that come in any other form, and says nothing."""
    every = resources(full, platform, account, "AWS::Events::Rule")
    telling = [one for one in every if one["Name"].startswith(f"{platform.name}-tell-")]
    assert telling
    chats = f"arn:aws:sns:{REGION}:{getattr(platform.accounts, account)}:{names.chats(platform)}"
    for wanted in telling:
        detail, word = HAPPENED[wanted["Name"].removeprefix(f"{platform.name}-tell-")]
        (kind,) = wanted["EventPattern"]["detail-type"]
        event = {"Source": "test", "DetailType": kind, "Detail": json.dumps(detail)}
        arns = {one["Id"]: one["Arn"] for one in wanted["Targets"]}
        assert arns == {"people": {"Ref": "Notices"}, "chats": chats}
        (message,) = told(aws, wanted, event, "chats")
        jsonschema.validate(json.loads(message), SHOWN)
        assert word in json.loads(message)["content"]["description"]
        (sentence,) = told(aws, wanted, event)
        assert word in sentence and "{" not in sentence
    topics = [one["TopicName"] for one in resources(full, platform, account, "AWS::SNS::Topic")]
    assert names.chats(platform) in topics


@pytest.mark.parametrize("account", ACCOUNTS)
def test_chats_are_told_only_where_they_are_asked_for_and_do_nothing(
    assembly: Path, full: Path, platform: Platform, account: str
) -> None:
    for kind in ("Slack", "MicrosoftTeams"):
        type_ = f"AWS::Chatbot::{kind}ChannelConfiguration"
        assert not resources(assembly, platform, account, type_)
        (channel,) = resources(full, platform, account, type_)
        assert channel["SnsTopicArns"] == [{"Ref": "Notices"}, {"Ref": "Chats"}]
        assert channel["GuardrailPolicies"]
    policies = resources(full, platform, account, "AWS::IAM::ManagedPolicy")
    (policy,) = (one for one in policies if one["ManagedPolicyName"] == names.chat_role(platform))
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["cloudwatch:DescribeAlarms"]
