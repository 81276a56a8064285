"""An event in EventBridge's envelope, and its parts as plain values; whatever is not what it says is refused.

Tolerant where AWS varies (times as text or numbers, the case of a status), strict about where an event comes
from and what it is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.settings import Settings
from isthmus.agreement import iso

# Epoch times in events are milliseconds; in seconds they would lie below this until the year 5138.
MILLISECONDS = 100_000_000_000

# By how much the clock of what sent an event may be ahead of this one.
CLOCKS_DIFFER = timedelta(minutes=5)

# EventBridge's are UUIDs. It travels to runs as a parameter: nothing that a shell, a template or a page would
# take for more than text.
IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#@=+-]*")

RECONCILER = "reconciler-"
"""What the correlation id of a run begins with that no event asked for."""


class Refused(Exception):
    """This event is not one that the bridge may act on: it goes to the dead letters, never to a run."""


@dataclass(frozen=True)
class Envelope:
    """An event of this region: who sent it (`source`, `kind`, `account`), and `detail`, what it says."""

    id: str
    source: str
    kind: str
    account: str
    resources: tuple[Any, ...]
    detail: Mapping[str, Any]
    told: Settings

    def text(self, key: str, longest: int) -> str:
        """A part of the detail that is plain text; raises `Refused` where it is not."""
        return _text(self.detail, key, longest)

    def moment(self, key: str) -> str:
        """A part of the detail that is a time; raises `Refused` where that is yet to come."""
        at = moment(self.detail.get(key))
        # A run of that moment would stand after all approvals until then, and silence them.
        if at > iso(datetime.now(UTC) + CLOCKS_DIFFER):
            raise Refused(f"{key} is a time that is yet to come")
        return at

    def of_account(self, account: str) -> None:
        """Raises `Refused` for an event of another account than the one that has a say in this."""
        if self.account != account:
            raise Refused("an event of an account that has no say in this")

    def about(self, arn: str) -> None:
        """Raises `Refused` where the resources, if it names any, are others than its detail's."""
        if self.resources and arn not in self.resources:
            raise Refused("the event's resources are others than its detail's")


def read(body: str, told: Settings) -> Envelope:
    """The envelope in a message; raises `Refused` with the reason."""
    envelope = _json(body)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("detail"), dict):
        raise Refused("not an EventBridge event")
    identity = _text(envelope, "id", 100)
    if not IDENTITY.fullmatch(identity):
        raise Refused("an id that EventBridge gives to none")
    if identity.startswith(RECONCILER):
        raise Refused("an event that calls itself as the reconciler does")
    if envelope.get("region") != told.region:
        raise Refused("an event of another region")
    resources = envelope.get("resources") or []
    if not isinstance(resources, list):
        raise Refused("the event's resources are not a list")
    return Envelope(
        id=identity,
        source=_text(envelope, "source", 256),
        kind=_text(envelope, "detail-type", 128),
        account=_text(envelope, "account", 12),
        resources=tuple(resources),
        detail=envelope["detail"],
        told=told,
    )


def identity(body: str) -> str:
    """What a refused message calls itself, to find it by; empty for nothing."""
    try:
        found = _json(body)
    except Refused:
        return ""
    said = found.get("id") if isinstance(found, dict) else None
    return said[:100] if isinstance(said, str) else ""


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("the message is not JSON, or not plain enough") from None


def _text(where: Mapping[str, Any], key: str, longest: int) -> str:
    value = where.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise Refused(f"{key} is missing, too long, or not plain text")
    return value


def word(status: str) -> str:
    """A status without regard to case and underscores: IN_SERVICE and InService are one."""
    return status.replace("_", "").lower()


def moment(value: Any) -> str:
    """A time as ISO text in UTC to the millisecond, from ISO text or an epoch in seconds or milliseconds."""
    try:
        return iso(_epoch(value) if isinstance(value, int | float) else _written(value))
    except (ValueError, TypeError, OverflowError, OSError):
        raise Refused("a time that is missing or cannot be read") from None


def _written(text: str) -> datetime:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return _epoch(float(text))
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _epoch(value: float) -> datetime:
    if isinstance(value, bool):
        raise ValueError("a truth value is no time")
    seconds = value / 1000 if value > MILLISECONDS else value
    return datetime.fromtimestamp(seconds, UTC)
