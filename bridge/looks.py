"""What the bridge asks of itself by the queue: to look after one model or one job, each in a call of its own.

What comes of a look is its reaction's to say (`bridge/reactions/reconcile.py`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.aws import client
from bridge.settings import settings
from bridge.web import Retryable

# Lambda ends a function that calls itself by a queue 16 times on end: here a tick leads to a list, and that
# to looks, and no look to another.
SOURCE = "isthmus.bridge"
MODELS, JOBS, STAGES = "List Models", "List Jobs", "Look After Stages"
MODEL, JOB = "Look After Model", "Look After Job"
# As many as SQS takes at once.
BATCH = 10


@dataclass(frozen=True)
class Look:
    """`about` is the model's name or the ARN of the execution that the job waits for."""

    kind: str
    about: str = ""


def send(looks: Sequence[Look], *, wait: int = 0) -> None:
    """Put up to ten into the queue, to be seen after so many seconds; raises where one was not taken."""
    if not looks:
        return
    entries = [
        {"Id": str(place), "MessageBody": _event(look), "DelaySeconds": wait}
        for place, look in enumerate(looks)
    ]
    answer = client("sqs").send_message_batch(QueueUrl=settings().queue_url, Entries=entries)
    if failed := answer.get("Failed"):
        raise Retryable(f"the queue did not take {len(failed)} looks: {failed[0].get('Code')}")


def _event(look: Look) -> str:
    """In the envelope of any other event."""
    told = settings()
    return json.dumps(
        {
            "id": uuid.uuid4().hex,
            "source": SOURCE,
            "detail-type": look.kind,
            "account": told.automation_account,
            "region": told.region,
            "resources": [],
            "detail": {"about": look.about},
        }
    )
