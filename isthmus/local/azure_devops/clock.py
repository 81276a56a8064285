"""Moments as Azure DevOps writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """This moment in UTC, such as 2026-11-21T08:00:00.123456Z."""
    return written(datetime.now(UTC))


def written(moment: datetime) -> str:
    """A moment in UTC; in a tenth of the time that `strftime` takes, for a run has many moments."""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))
