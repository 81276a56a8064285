"""The bridge's dead-letter queue: what could not be carried, with or without a hop, and sending it again.

What EventBridge could not deliver never reached the Lambda: its log, which `hops` reads, has nothing of it.
Deciding which are sent again is the commands' and the person's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from isthmus import names
from isthmus.config import Platform

# As long as it takes to read a full queue, after which what was read is there for others in any case.
READING_SECONDS = 60
SQS_BATCH = 10


@dataclass(frozen=True)
class DeadLetter:
    """A message that waits in vain; `receipt` lets whoever read it delete it or give it back."""

    id: str
    receipt: str
    at: str
    reason: str
    correlation_id: str
    kind: str
    about: str
    attempts: str
    body: str
    is_event: bool


def count(sqs: Any, platform: Platform) -> int:
    """Messages in the queue, those that somebody is reading included; none where there is no bridge yet."""
    asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    try:
        found = sqs.get_queue_attributes(QueueUrl=url(platform), AttributeNames=asked)["Attributes"]
    except sqs.exceptions.QueueDoesNotExist:
        return 0
    return sum(int(found[name]) for name in asked)


def url(platform: Platform) -> str:
    """Written down, for an operator may not look it up."""
    return f"{_bridge(platform)}-dlq"


def read(sqs: Any, platform: Platform) -> list[DeadLetter]:
    """Every message, the oldest first, hidden from others until it is given back or a minute is over."""
    try:
        return sorted(_receive(sqs, url(platform)), key=lambda letter: letter.at)
    except sqs.exceptions.QueueDoesNotExist:
        return []


def _receive(sqs: Any, queue: str) -> Iterator[DeadLetter]:
    seen: set[str] = set()
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=SQS_BATCH,
            VisibilityTimeout=READING_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
            # Asks all of SQS's servers, and not a sample of them.
            WaitTimeSeconds=1,
        )
        new = [one for one in answer.get("Messages", []) if one["MessageId"] not in seen]
        if not new:
            return
        seen.update(one["MessageId"] for one in new)
        yield from map(_letter, new)


def give_back(sqs: Any, platform: Platform, letters: list[DeadLetter]) -> None:
    """Let others see them at once."""
    for start in range(0, len(letters), SQS_BATCH):
        part = letters[start : start + SQS_BATCH]
        sqs.change_message_visibility_batch(
            QueueUrl=url(platform),
            Entries=[
                {"Id": str(place), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0}
                for place, one in enumerate(part)
            ],
        )


def send(sqs: Any, platform: Platform, body: str) -> None:
    """Hand the bridge an event as it came."""
    sqs.send_message(QueueUrl=_bridge(platform), MessageBody=body)


def ask_for_looks(sqs: Any, platform: Platform) -> None:
    """Have the bridge look after everything now, as its rule on a schedule does: by the same event."""
    tick = {
        "id": f"by-hand-{uuid.uuid4()}",
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "account": platform.accounts.automation,
        "region": platform.region,
        "resources": [],
        "detail": {},
    }
    send(sqs, platform, json.dumps(tick))


def redrive(sqs: Any, platform: Platform, letter: DeadLetter) -> None:
    """Send it to the bridge as it was, and only then delete it: the bridge knows a copy of what it did."""
    send(sqs, platform, letter.body)
    sqs.delete_message(QueueUrl=url(platform), ReceiptHandle=letter.receipt)


def _bridge(platform: Platform) -> str:
    account, queue = platform.accounts.automation, names.bridge(platform)
    return f"https://sqs.{platform.region}.amazonaws.com/{account}/{queue}"


def _letter(message: dict[str, Any]) -> DeadLetter:
    said = {name: one.get("StringValue", "") for name, one in message.get("MessageAttributes", {}).items()}
    event = _event(message["Body"])
    sent = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    return DeadLetter(
        id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        at=sent.isoformat(timespec="milliseconds"),
        reason=said.get("reason") or _of_eventbridge(said) or "not said",
        correlation_id=said.get("correlation_id") or str(event.get("id", "")),
        kind=str(event.get("detail-type", "")) or "no event",
        about=_about(event),
        attempts=said.get("RETRY_ATTEMPTS", ""),
        body=message["Body"],
        is_event=isinstance(event.get("detail"), dict),
    )


def _of_eventbridge(said: dict[str, str]) -> str:
    """Why EventBridge could not deliver it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    return ": ".join(said[name] for name in ("ERROR_CODE", "ERROR_MESSAGE") if said.get(name))


def _event(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _about(event: dict[str, Any]) -> str:
    """The first of its resources, as one calls it: seattle-rain/1, of a model package's ARN."""
    resources = event.get("resources")
    first = str(resources[0]) if isinstance(resources, list) and resources else ""
    return first.partition(":model-package/")[2] or first.rsplit(":", 1)[-1]
