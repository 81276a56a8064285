"""Each hop of an event as one line of JSON in the log, with the event's id to follow it by. Never a token."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools import Logger

from bridge.events import AlarmState, Event, PackageState

logger = Logger(utc=True)


class Trace:
    """The hops of one message. `sent` is when SQS took it, in milliseconds since 1970."""

    def __init__(self, sent: str | None) -> None:
        self._sent = float(sent) / 1000 if sent else time.time()
        self.correlation_id = ""
        self._about: dict[str, Any] = {}

    def of(self, event: Event) -> None:
        self.correlation_id = event.id
        self._about = {"correlation_id": event.id, "model": event.model}
        if isinstance(event, PackageState):
            self._about |= {"event_type": "approval", "model_package_arn": event.arn}
        elif isinstance(event, AlarmState):
            self._about |= {"event_type": f"{event.kind} alarm", "alarm_arn": event.arn}

    def hop(self, name: str, **details: Any) -> None:
        """Log a hop and how long ago the message was sent."""
        latency = round((time.time() - self._sent) * 1000, 1)
        logger.info(name, hop=name, latency_ms=latency, at=time.time(), **self._about, **details)
