"""Business hours: a stage waits until all the checks on what it uses are within theirs.

https://learn.microsoft.com/azure/devops/pipelines/process/approvals#business-hours
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from isthmus.config.hours import DAYS
from isthmus.config.time_zones import TIME_ZONES
from isthmus.local.azure_devops.call import text
from isthmus.local.azure_devops.faults import invalid
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.host import Decision

NAME = "445fde2f-6c39-441c-807f-8a59ff2e075f"


def given(inputs: Document) -> None:
    """Refuse inputs that could not be evaluated."""
    for day in _days(text(inputs, "businessDays", required=True)):
        if day not in DAYS:
            raise invalid(f"businessDays: '{day}' is no day of the week.")
    for name in ("startTime", "endTime"):
        _hour(inputs, name)
    if _hour(inputs, "endTime") <= _hour(inputs, "startTime"):
        raise invalid("endTime must come after startTime.")
    zone = text(inputs, "timeZone", required=True)
    if zone not in TIME_ZONES:
        raise invalid(f"timeZone: '{zone}' is no time zone that is known by Windows.")
    try:
        ZoneInfo(TIME_ZONES[zone])
    except ZoneInfoNotFoundError:
        raise invalid(f"timeZone: this machine does not know the rules of '{zone}'.") from None


def opening(inputs: Document, moment: datetime) -> datetime:
    """When the hours allow it next: the moment itself within them."""
    zone = ZoneInfo(TIME_ZONES[inputs["timeZone"]])
    days, here = _days(inputs["businessDays"]), moment.astimezone(zone)
    for ahead in range(8):
        day = here.date() + timedelta(days=ahead)
        start, end = (datetime.combine(day, _hour(inputs, one), zone) for one in ("startTime", "endTime"))
        if DAYS[day.weekday()] in days and here < end:
            return max(moment, start.astimezone(UTC))
    raise AssertionError("a week has all days")


def wait(
    changed: threading.Condition,
    checks: list[Document],
    cancelled: threading.Event,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Decision:
    """Block until the moment is within the hours of every check, or the first of their timeouts is over."""
    ends = min(now() + timedelta(minutes=one["timeout"]) for one in checks)
    with changed:
        while not cancelled.is_set():
            moment = now()
            opens = max(opening(one["settings"]["inputs"], moment) for one in checks)
            if opens <= moment:
                return Decision(True)
            if ends <= moment:
                return Decision(False, f"business hours of {_named(checks)} did not come in time")
            changed.wait((min(opens, ends) - moment).total_seconds())
    return Decision(False, "the run was canceled while it waited for business hours", canceled=True)


def _days(names: str) -> list[str]:
    return [name.strip().lower() for name in names.split(",") if name.strip()]


def _hour(inputs: Document, name: str) -> time:
    value = text(inputs, name, required=True)
    try:
        return datetime.strptime(value, "%H:%M").time()
    except ValueError:
        raise invalid(f"{name}: '{value}' is no time of day such as 09:00.") from None


def _named(checks: list[Document]) -> str:
    return ", ".join(f"{one['resource'][0]} {one['resourceName']!r}" for one in checks)
