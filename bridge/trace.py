"""Each hop of an event as one line of JSON in the log, with the event's id to follow it by. Never a token."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools import Logger

from bridge.events import DataSet, Event, ExecutionState, PackageState

logger = Logger(utc=True)


class Trace:
    """The hops of one message. `sent` is when SQS took it, in milliseconds since 1970; else it is now."""

    def __init__(self, sent: str | None = None) -> None:
        self._sent = float(sent) / 1000 if sent else time.time()
        self._about: dict[str, Any] = {}

    def follow(self, correlation_id: str) -> None:
        self._about["correlation_id"] = correlation_id

    def of(self, event: Event) -> None:
        self.follow(event.id)
        if isinstance(event, PackageState):
            self.approval(event.model, event.arn)
        elif isinstance(event, DataSet):
            told = f"{event.name}@{event.version}"
            self._about |= {"event_type": "data set", "model": event.model, "data_set": told}
        elif isinstance(event, ExecutionState):
            self._about |= {"event_type": "execution", "model": event.model, "execution_arn": event.arn}
        else:
            self._about |= {"event_type": f"{event.kind} alarm", "model": event.model, "alarm_arn": event.arn}

    def approval(self, model: str, arn: str) -> None:
        self._about |= {"event_type": "approval", "model": model, "model_package_arn": arn}

    def hop(self, name: str, **details: Any) -> None:
        """Log a hop and how long ago the message was sent."""
        now = time.time()
        latency = round((now - self._sent) * 1000, 1)
        logger.info(name, hop=name, latency_ms=latency, at=now, **self._about, **details)
