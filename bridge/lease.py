"""One at a time: whoever holds the lease of a pipeline looks at its runs and queues, and nobody else.

Notices have leases too.

A lease is an item of the memory table, written where there is none or where the holder's time is over.
What Azure DevOps did not answer may still be done: the lease stands until that would be seen.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bridge import memory
from bridge.aws import client
from bridge.settings import settings
from bridge.trace import logger
from bridge.web import Retryable, Unanswered

# As long as an invocation lasts at the most: a holder that died no longer holds it then. And as late as what
# was not answered may be done.
SECONDS = 60


class Held(Retryable):
    """Somebody else holds it."""


@contextmanager
def held(what: str) -> Iterator[None]:
    """Hold the lease of a pipeline, or of a notice; raises `Held` where somebody else does."""
    name, owner = f"lease#{what}", uuid.uuid4().hex
    if not memory.mark(name, owner, SECONDS):
        raise Held(f"somebody else looks after {what} just now")
    end: Callable[[str, str], object] = _release
    try:
        yield
    except Unanswered as lost:
        end, lost.after = _prolong, max(lost.after or 0, SECONDS)
        raise
    finally:
        try:
            end(name, owner)
        except Exception as error:  # noqa: BLE001  it ends by itself, and must not hide the error that led here
            logger.warning("lease not ended", lease=name, reason=type(error).__name__)


def _prolong(name: str, owner: str) -> None:
    memory.mark(name, owner, SECONDS)


def _release(name: str, owner: str) -> None:
    client("dynamodb").delete_item(
        TableName=settings().table,
        Key=memory.key(name),
        ConditionExpression="#owner = :owner",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":owner": {"S": owner}},
    )
