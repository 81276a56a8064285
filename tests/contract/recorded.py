"""What stand-ins recorded in a whole session of tests, in whatever process they or their callers were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.contract import undescribed
from tests.contract.azure_swagger import Exchange, Swagger
from tests.contract.undescribed import UNDESCRIBED


def exchanges(folder: Path) -> Iterator[Exchange]:
    """The recorded exchanges, as `isthmus.local.azure_devops.recording` writes them."""
    for file in sorted(folder.glob("*.jsonl")):
        # A server that was killed may have left half a line; nobody has that line's answer.
        for line in file.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                said = json.loads(line)
                bodies = {name: said[name].encode("latin-1") for name in ("sent", "received")}
                yield Exchange(**said | bodies)


def judged(folder: Path, description: Swagger) -> tuple[list[str], list[str]]:
    """What in them is not as described or made the stand-in stumble; and what undescribed calls none made."""
    found: dict[str, None] = {}
    needed = set()
    for one in exchanges(folder):
        found |= dict.fromkeys(description.problems(one))
        if one.status >= 500:
            found[f"{one.method} {one.url} answered {one.status}: {one.received[:300]!r}"] = None
        elif one.status < 400 and description.find(one.method, one.url) is None:
            needed.add(undescribed.find(one.method, one.url))
    return list(found), [f"{one.method} {one.path}" for one in UNDESCRIBED if one not in needed]
