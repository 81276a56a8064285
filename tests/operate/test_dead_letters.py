"""What the bridge could not carry, and what it did, as a person sees it and sends it again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from isthmus.errors import BadInput, NotFound
from tests.local.sagemaker.conftest import Aws
from tests.operate.conftest import GROUP_ARN, MODEL, Shell

EVENT: dict[str, Any] = {
    "id": "5f2c7d1e-0000-4000-8000-000000000001",
    "detail-type": "SageMaker Model Package State Change",
    "resources": [f"{GROUP_ARN}/1"],
    "detail": {"ModelPackageGroupName": MODEL},
}
OTHER = EVENT | {"id": "77aa0000-0000-4000-8000-000000000002"}
NO_EVENT = json.dumps({"no": "event"})


@dataclass
class Queues:
    sqs: Any
    bridge: str
    dead: str

    def bury(self, body: str, **said: str) -> str:
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in said.items()}
        sent = self.sqs.send_message(QueueUrl=self.dead, MessageBody=body, MessageAttributes=attributes)
        return str(sent["MessageId"])

    def bodies(self, queue: str) -> list[str]:
        answer = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [one["Body"] for one in answer.get("Messages", [])]


@pytest.fixture
def queues(aws: Aws) -> Iterator[Queues]:
    sqs = aws.client("sqs")
    urls = [sqs.create_queue(QueueName=f"isthmus-bridge{end}")["QueueUrl"] for end in ("", "-dlq")]
    yield Queues(sqs, *urls)
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


def test_a_list_says_why_and_takes_nothing_away(shell: Shell, queues: Queues) -> None:
    queues.bury(json.dumps(EVENT), reason="Denied: 401", correlation_id=EVENT["id"])
    queues.bury(
        json.dumps(OTHER), ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="may not send", RETRY_ATTEMPTS="3"
    )
    queues.bury("not JSON")
    for _ in range(2):
        denied, undelivered, garbage = shell.json("bridge", "dlq", "list")
        assert (denied["reason"], denied["correlation_id"]) == ("Denied: 401", EVENT["id"])
        assert (denied["about"], denied["kind"]) == (f"{MODEL}/1", EVENT["detail-type"])
        assert (undelivered["reason"], undelivered["attempts"]) == ("NO_PERMISSIONS: may not send", "3")
        assert undelivered["correlation_id"] == OTHER["id"]
        assert (garbage["kind"], garbage["reason"]) == ("no event", "not said")
    assert "NO_PERMISSIONS: may not send" in shell.says("bridge", "dlq", "list")
    assert len(queues.bodies(queues.dead)) == 3 and queues.bodies(queues.bridge) == []


def test_one_is_shown_whole(shell: Shell, queues: Queues) -> None:
    letter = queues.bury(json.dumps(EVENT), reason="Denied: 401")
    for identity in (letter[:8], EVENT["id"][:8]):
        found = json.loads(shell.says("bridge", "dlq", "show", identity))
        assert found["payload"] == EVENT and found["reason"] == "Denied: 401"
    assert isinstance(shell.run("bridge", "dlq", "show", "zzz").exception, NotFound)


def test_one_is_sent_again_as_it_was_and_the_others_stay(shell: Shell, queues: Queues) -> None:
    queues.bury(json.dumps(EVENT), reason="Denied: 401")
    queues.bury(json.dumps(OTHER), reason="Denied: 401")
    said = shell.says("bridge", "dlq", "redrive", OTHER["id"][:8])
    assert f"sent again; isthmus events --correlation-id {OTHER['id']}" in said
    assert queues.bodies(queues.bridge) == [json.dumps(OTHER)]
    assert queues.bodies(queues.dead) == [json.dumps(EVENT)]


def test_all_are_sent_only_when_a_person_says_so_and_what_is_no_event_stays(
    shell: Shell, queues: Queues
) -> None:
    queues.bury(json.dumps(EVENT))
    queues.bury(NO_EVENT)
    assert isinstance(shell.run("bridge", "dlq", "redrive").exception, BadInput)
    assert shell.run("bridge", "dlq", "redrive", "--all", given="n\n").exit_code == 1
    assert queues.bodies(queues.bridge) == []
    assert "stays, for it is no event" in shell.says("bridge", "dlq", "redrive", "--all", "--yes")
    assert queues.bodies(queues.bridge) == [json.dumps(EVENT)]
    assert queues.bodies(queues.dead) == [NO_EVENT]


def test_where_there_is_no_bridge_nothing_is_lost(shell: Shell) -> None:
    assert "no event is lost" in shell.says("bridge", "dlq", "list")


@pytest.fixture
def carried(aws: Aws) -> Iterator[None]:
    """The bridge's log says that it carried the event."""
    logs, where, now = aws.client("logs"), {"logGroupName": "/aws/lambda/isthmus-bridge"}, time.time()
    ours = not logs.describe_log_groups(logGroupNamePrefix=where["logGroupName"])["logGroups"]
    if ours:
        logs.create_log_group(**where)
    stream = where | {"logStreamName": "again"}
    logs.create_log_stream(**stream)
    about = {"at": now, "correlation_id": EVENT["id"], "model": MODEL, "latency_ms": 1}
    lines = [{"hop": "received", "payload": json.dumps(EVENT), **about}, {"hop": "queued", **about}]
    said = [{"timestamp": int(now * 1000), "message": json.dumps(line)} for line in lines]
    logs.put_log_events(**stream, logEvents=said)
    yield
    logs.delete_log_stream(**stream)
    if ours:
        logs.delete_log_group(**where)


@pytest.mark.usefixtures("carried")
def test_an_event_is_looked_at_and_carried_again(shell: Shell, queues: Queues) -> None:
    assert json.loads(shell.says("events", "show", EVENT["id"][:8])) == EVENT
    assert f"events --correlation-id {EVENT['id']}" in shell.says("events", "replay", EVENT["id"][:8])
    assert queues.bodies(queues.bridge) == [json.dumps(EVENT)]
    assert isinstance(shell.run("events", "replay", "nobody").exception, NotFound)
