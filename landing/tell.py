"""Events on the automation account's bus, and lines in the log: what people and the bridge hear of."""

from __future__ import annotations

import json
from typing import Any

from landing.arrival import Arrival
from landing.aws import client
from landing.refused import shown
from landing.settings import settings

SOURCE = "isthmus.landing"
FILE_REJECTED, COMPLETE = "Data File Rejected", "Data Set Complete"


def rejected(arrival: Arrival, reason: str) -> None:
    file = shown("/".join(arrival.parts[1:])) or "?"
    _put(FILE_REJECTED, {"model": shown(arrival.model), "file": file, "reason": reason})


def complete(detail: dict[str, Any]) -> None:
    """Let the bridge start a build; telling it twice starts no second one."""
    _put(COMPLETE, detail)


def log(message: str, **details: Any) -> None:
    """One line of JSON that people look for afterwards; never a cell of a file."""
    print(json.dumps({"message": message, **details}), flush=True)


def _put(kind: str, detail: dict[str, Any]) -> None:
    entry = {
        "Source": SOURCE,
        "DetailType": kind,
        "Detail": json.dumps(detail),
        "EventBusName": settings().bus,
    }
    answer = client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise RuntimeError(
            f"{kind} could not be told: {failed['ErrorCode']} {failed.get('ErrorMessage', '')}"
        )
