"""The number of a run: what `name:` makes of the day, the counter and the variables.

https://learn.microsoft.com/azure/devops/pipelines/process/run-number
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from isthmus.local.pipelines.functions import format_date
from isthmus.local.pipelines.store import expand_macros

DEFAULT = "$(Date:yyyyMMdd).$(Rev:r)"
_TOKEN = re.compile(r"\$\((Date|Rev|Year):([^)]*)\)", re.IGNORECASE)


def run_number(pattern: str, variables: Mapping[str, str], now: datetime, count: Callable[[str], int]) -> str:
    """`variables` are by lower-case name; `count` is how often a number without its revision came, from 1."""

    def dated(match: re.Match[str]) -> str:
        word, argument = match.group(1).lower(), match.group(2)
        if word == "rev":
            return match.group()
        return format_date(now, argument)

    known = {**variables, **_parts(now, variables)}
    text = expand_macros(_TOKEN.sub(dated, pattern or DEFAULT), known)
    revision = count(_TOKEN.sub("", text)) if _TOKEN.search(text) else 1
    return _TOKEN.sub(lambda match: _revision(match.group(2), revision), text)


def _revision(pattern: str, number: int) -> str:
    """`r` is 3, `rr` is 03, `.r` is .3."""
    return re.sub("r+", lambda match: str(number).zfill(len(match.group())), pattern)


def _parts(now: datetime, variables: Mapping[str, str]) -> dict[str, str]:
    named = {
        "buildid": "build.buildid",
        "builddefinitionname": "build.definitionname",
        "definitionname": "build.definitionname",
        "sourcebranchname": "build.sourcebranchname",
        "teamproject": "system.teamproject",
    }
    found = {name: variables[variable] for name, variable in named.items() if variable in variables}
    moments = {"dayofmonth": now.day, "dayofyear": now.timetuple().tm_yday, "month": now.month}
    moments |= {"hours": now.hour, "minutes": now.minute, "seconds": now.second}
    return found | {name: str(number) for name, number in moments.items()}
