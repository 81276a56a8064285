"""How many events the bridge could not carry: they stand in its dead-letter queue, with or without a hop.

What EventBridge could not deliver never reached the Lambda: its log, which `hops` reads, has nothing of it.
"""

from __future__ import annotations

from typing import Any

from isthmus import names
from isthmus.config import Platform


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
    account, queue = platform.accounts.automation, f"{names.bridge(platform)}-dlq"
    return f"https://sqs.{platform.region}.amazonaws.com/{account}/{queue}"
