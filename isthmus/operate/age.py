"""How long something has waited, as people write it: 30m, 12h, 2d."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from isthmus.config.approvals import length
from isthmus.errors import BadInput


def age(text: str) -> timedelta:
    """So long; raises `BadInput` where it is no number of minutes, hours or days."""
    try:
        return length(text)
    except ValueError as error:
        raise BadInput(str(error), todo="write minutes, hours or days: 30m, 12h or 2d") from None


def since(moment: str) -> timedelta:
    """How long ago it was, never less than nothing: clocks differ."""
    at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return max(datetime.now(UTC) - at, timedelta())


def written(length: timedelta) -> str:
    """2d 3h, 5h, 12m: enough to see what to do first."""
    minutes = int(length.total_seconds() // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days}d {hours}h" if hours else f"{days}d"
    return f"{hours}h" if hours else f"{minutes}m"
