"""One at a time: whoever holds the lease of a pipeline looks at its runs and queues, and nobody else.

A lease is an item of the memory table, written where there is none or where the holder's time is over.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bridge.aws import client
from bridge.settings import settings
from bridge.trace import logger
from bridge.web import Retryable

# As long as an invocation lasts at the most: a holder that died no longer holds it then.
SECONDS = 60
# How soon somebody who found it held tries again.
AGAIN_SECONDS = 5


class Held(Retryable):
    """Somebody else holds it."""


@contextmanager
def held(pipeline: str) -> Iterator[None]:
    """Hold the pipeline's lease; raises `Held` where somebody else does."""
    key, owner, now = {"id": {"S": f"lease#{pipeline}"}}, uuid.uuid4().hex, int(time.time())
    try:
        client("dynamodb").put_item(
            TableName=settings().table,
            Item=key | {"owner": {"S": owner}, "expiration": {"N": str(now + SECONDS)}},
            ConditionExpression="attribute_not_exists(id) OR expiration < :now",
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        raise Held(f"somebody else looks after {pipeline} just now", AGAIN_SECONDS) from None
    try:
        yield
    finally:
        _release(key, owner)


def _release(key: dict[str, Any], owner: str) -> None:
    """Give it back. Where that fails it ends by itself, and what was done under it stays done."""
    try:
        client("dynamodb").delete_item(
            TableName=settings().table,
            Key=key,
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": owner}},
        )
    except Exception as error:  # noqa: BLE001  a release must not undo, nor hide the error that led here
        logger.warning("lease not released", lease=key["id"]["S"], reason=type(error).__name__)
