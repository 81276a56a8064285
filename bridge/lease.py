"""One at a time: whoever holds the lease of a pipeline looks at its runs and queues, and nobody else.

Notices have leases too.

A lease is an item of the memory table, written where there is none or where the holder's time is over.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from bridge import memory
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
def held(what: str) -> Iterator[None]:
    """Hold the lease of a pipeline, or of a notice; raises `Held` where somebody else does."""
    name, owner = f"lease#{what}", uuid.uuid4().hex
    if not memory.mark(name, owner, SECONDS):
        raise Held(f"somebody else looks after {what} just now", AGAIN_SECONDS)
    try:
        yield
    finally:
        _release(name, owner)


def _release(name: str, owner: str) -> None:
    """Give it back. Where that fails it ends by itself, and what was done under it stays done."""
    try:
        client("dynamodb").delete_item(
            TableName=settings().table,
            Key=memory.key(name),
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": owner}},
        )
    except Exception as error:  # noqa: BLE001  a release must not undo, nor hide the error that led here
        logger.warning("lease not released", lease=name, reason=type(error).__name__)
