"""Each hop of an event as one line of JSON in the log, with the event's id to follow it by. Never a token."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(utc=True)
metrics = Metrics(namespace="Isthmus")
# A line of CloudWatch's logs holds a quarter of a megabyte.
LONGEST_PAYLOAD = 200_000
# The hops that are counted, of which an operator draws curves; each costs a metric.
COUNTED = {"queued": "Queued", "put off": "PutOff", "refused": "Refused", "failed": "Failed"}


@dataclass(frozen=True)
class Hop:
    """What became of an event at one place: queued, deduplicated, ignored, ..., and its details."""

    name: str
    details: dict[str, Any] = field(default_factory=dict)


def ignored(reason: str) -> Hop:
    """Nothing is to be done."""
    return Hop("ignored", {"reason": reason})


class Trace:
    """The hops of one message. `sent` is when SQS took it, in seconds since 1970; else it is now.

    `body` is kept with its first hop, so that a person can look at it, and have it carried again.
    """

    def __init__(self, sent: float | None = None, body: str = "") -> None:
        self._body = body
        self._sent = time.time() if sent is None else sent
        self.correlation_id = ""
        self._about: dict[str, Any] = {}

    def follow(self, correlation_id: str) -> None:
        self.correlation_id = correlation_id
        self._about["correlation_id"] = correlation_id

    def about(self, event_type: str, model: str, **more: str) -> None:
        """What the message is about; each hop from here on says it too."""
        self._about |= {"event_type": event_type, "model": model, **more}

    def received(self, event_type: str, model: str, **more: str) -> None:
        """The message is one of ours, and this is what it is about."""
        self.about(event_type, model, **more)
        self.hop("received", payload=self._body if len(self._body) <= LONGEST_PAYLOAD else "")

    def hop(self, name: str, **details: Any) -> None:
        """Log a hop and how long ago the message was sent."""
        now = time.time()
        latency = round((now - self._sent) * 1000, 1)
        logger.info(name, hop=name, latency_ms=latency, at=now, **self._about, **details)
        if name in COUNTED:
            metrics.add_metric(COUNTED[name], MetricUnit.Count, 1)
        if name == "queued":
            metrics.add_metric("Latency", MetricUnit.Milliseconds, latency)
