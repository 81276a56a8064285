"""What becomes of a message that was not carried over: it comes again later, or it is a dead letter.

Waiting is the queue's business, not the Lambda's. A dead letter carries why it is one, as attributes that a
person reads without opening it: `reason`, and `correlation_id` where it has one.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from bridge.aws import client
from bridge.settings import settings
from bridge.web import Denied, Retryable

# A quarter of an hour, by which 30 attempts stretch over more than six hours.
LONGEST_SECONDS = 900
FIRST_SECONDS = 5
# Of what was answered with no: it may be a token or a pipeline that was made anew, but hardly for long.
DENIED_ATTEMPTS = 5
# Of a look, which the next ticks repeat; some are only seen after ten minutes.
LOOK_SECONDS = 1800
# What AWS's many codes for "not so fast" have in them.
TOO_FAST = ("Throttl", "TooManyRequests", "ThroughputExceeded", "LimitExceeded", "SlowDown")
REASON_CHARACTERS = 500


class Promised(Retryable):
    """People were told that it comes later: it is no dead letter, however long that takes."""


@dataclass(frozen=True)
class Message:
    """What the queue handed over, for the how manieth time, and when it was sent, in seconds since 1970."""

    id: str
    receipt: str
    body: str
    sent: float
    attempt: int


def received(record: dict[str, Any]) -> Message:
    """A record of the batch that Lambda got of SQS ("Using Lambda with Amazon SQS")."""
    said = record["attributes"]
    return Message(
        id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        sent=int(said["SentTimestamp"]) / 1000,
        attempt=int(said["ApproximateReceiveCount"]),
    )


def is_last(message: Message, error: Exception, *, comes_anew: bool) -> bool:
    """Whether the message has had its chances.

    What `comes_anew` with each tick is not tried for hours: looks must not pile up while a cloud is away.
    """
    if comes_anew and time.time() - message.sent > LOOK_SECONDS:
        return True
    most = DENIED_ATTEMPTS if isinstance(error, Denied) else settings().attempts
    return message.attempt >= most


def passes(error: BaseException | None) -> bool:
    """Whether time alone mends it: a cloud is away, or has too much to do. Libraries wrap what AWS said."""
    if isinstance(error, Retryable | HTTPClientError):
        return True
    if isinstance(error, ClientError):
        code, status = error.response["Error"].get("Code", ""), error.response["ResponseMetadata"]
        return status.get("HTTPStatusCode", 0) >= 500 or any(one in code for one in TOO_FAST)
    return error is not None and passes(error.__cause__)


def delay(message: Message, error: Exception) -> int:
    """In how many seconds it comes again: when the other side said, or else each time after twice as long."""
    backoff = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (message.attempt - 1)) * random.uniform(0.75, 1)  # noqa: S311
    return min(LONGEST_SECONDS, int(getattr(error, "after", None) or backoff) + 1)


def show_after(message: Message, seconds: int) -> None:
    """Have the queue hand it over again then."""
    client("sqs").change_message_visibility(
        QueueUrl=settings().queue_url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds
    )


def send_anew(message: Message, seconds: int) -> None:
    """Put it into the queue once more, which counts its attempts from the first; a copy does no harm.

    Lambda ends a function that calls itself by a queue 16 times on end: with 30 attempts each, in three days.
    """
    client("sqs").send_message(QueueUrl=settings().queue_url, MessageBody=message.body, DelaySeconds=seconds)


def bury(message: Message, reason: str, correlation_id: str) -> None:
    """Make it a dead letter; a copy of one, where this Lambda dies before SQS knows, does no harm."""
    said = {"reason": reason[:REASON_CHARACTERS], "correlation_id": correlation_id}
    client("sqs").send_message(
        QueueUrl=settings().dead_letters_url,
        MessageBody=message.body,
        MessageAttributes={name: _attribute(value) for name, value in said.items() if value},
    )


def _attribute(text: str) -> dict[str, str]:
    """SQS takes no control characters in an attribute."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return {"DataType": "String", "StringValue": plain}
