"""A file that has arrived, as S3's event tells of it: incoming/MODEL/DATA SET/FILE.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from landing.refused import Refused

INCOMING = "incoming"
MARKER = "_SUCCESS"
"""What says that a data set is complete. Others with `_` or `.` in front are no data, as in Spark."""

REASON = ".reason.json"
"""What the name of a reason ends with, beside the rejected file."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,99}")


@dataclass(frozen=True)
class Arrival:
    """One version of one object in the landing bucket."""

    key: str
    version: str
    size: int

    @property
    def parts(self) -> list[str]:
        """Model, data set and file; fewer or more where it lies elsewhere."""
        return self.key.split("/")[1:]

    @property
    def model(self) -> str:
        return self.parts[0]

    @property
    def data_set(self) -> str:
        """The name of the data set."""
        return self.parts[1] if len(self.parts) > 2 else ""

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def is_data(self) -> bool:
        """Whether it holds rows: neither a folder as consoles make them, nor a file for machines."""
        inside = self.parts[2:] or [self.name]
        return bool(self.name) and not any(is_hidden(part) for part in inside)

    @property
    def is_marker(self) -> bool:
        """Whether it says that its data set is complete; one that lies deeper says nothing."""
        return len(self.parts) == 3 and self.name == MARKER

    def check(self) -> None:
        """Raise `Refused` where it lies, or is called, as no file of a data set is."""
        if self.name.endswith(REASON):
            raise Refused(f"its name ends in {REASON}, which is what the reasons for rejections are called")
        if len(self.parts) != 3:
            raise Refused(f"it lies elsewhere than at {INCOMING}/MODEL/DATA SET/FILE")
        for what, name in (("data set", self.data_set), ("file", self.name)):
            if not NAME.fullmatch(name):
                raise Refused(f"the name of the {what} has other than up to 100 letters, digits and . _ = -")


def is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def arrivals(body: str) -> Iterator[Arrival]:
    """The arrivals in a message: S3's first, a test, has none. Raises `ValueError`."""
    for record in _records(body):
        found = record["s3"]["object"]
        yield Arrival(unquote_plus(found["key"]), found["versionId"], int(found.get("size", 0)))


def _records(body: str) -> list[dict[str, Any]]:
    try:
        message = json.loads(body)
        if message.get("Event") == "s3:TestEvent":
            return []
        records: list[dict[str, Any]] = message["Records"]
        return records
    except (AttributeError, KeyError, RecursionError) as error:
        raise ValueError(f"no event of S3: {type(error).__name__}") from None
