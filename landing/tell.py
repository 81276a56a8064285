"""Events on the automation account's bus, and lines in the log: what people and the bridge hear of."""

from __future__ import annotations

import json
from typing import Any

from landing.arrival import Arrival
from landing.aws import client
from landing.refused import shown
from landing.settings import settings

SOURCE = "isthmus.landing"
# Chats make links, mentions and markup of these; a pattern of files keeps a star that is none to them.
INSTEAD = str.maketrans(
    {"<": "(", ">": ")", "[": "(", "]": ")", "|": "/", "`": "'", "*": "\N{ASTERISK OPERATOR}"}
    | {"~": None, "@": " at "}
)
LONGEST = 1000
FILE_REJECTED, COMPLETE = "Data File Rejected", "Data Set Complete"


def rejected(arrival: Arrival, reason: str) -> None:
    """Tell people, in mail and chats: names of columns and files are what somebody else wrote."""
    file = shown("/".join(arrival.parts[1:])) or "?"
    told = {"model": shown(arrival.model), "file": file, "reason": reason}
    _put(FILE_REJECTED, {key: _words(one) for key, one in told.items()})


def complete(detail: dict[str, Any]) -> None:
    """Let the bridge start a build; telling it twice starts no second one."""
    _put(COMPLETE, detail)


def log(message: str, **details: Any) -> None:
    """One line of JSON that people look for afterwards; never a cell of a file."""
    print(json.dumps({"message": message, **details}), flush=True)


def _words(text: str) -> str:
    """As words of one line that no chat makes anything else of."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text).translate(INSTEAD)
    return plain.replace("://", ":")[:LONGEST]


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
