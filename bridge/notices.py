"""Tells people by topic what they have not been told: when it begins to wait, again, and then others.

Each is told at least once, for nobody shall miss it. What was told stands in the table, noted when SNS took
it: so it is told twice only where the answer of SNS was lost, or this Lambda died before the note.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from bridge import lease, memory
from bridge.aws import client
from bridge.settings import settings

REMEMBER_SECONDS = 365 * 24 * 3600
LONGEST_SUBJECT = 100  # of SNS
INSTEAD = str.maketrans(
    {"<": "(", ">": ")", "[": "(", "]": ")", "|": "/", "`": "'", "*": None, "~": None, "@": " at "}
)


@dataclass(frozen=True)
class Waiting:
    """A decision that somebody owes; `lines` are asked for only where there is something to tell."""

    subject: str
    what: str
    since: datetime
    lines: Callable[[], list[str]]

    @property
    def age(self) -> timedelta:
        return max(datetime.now(UTC) - self.since, timedelta())


@dataclass(frozen=True)
class Level:
    """What is told after so long, and to whom."""

    name: str
    after: timedelta
    topic: str
    word: str = ""


def said(text: object, longest: int = 200) -> str:
    """What others wrote (a metric's name, somebody's own) as words on one line of mail, Slack and Teams.

    Mail shows lines as they are, and chats make links, mentions and markup of some signs: none is left.
    """
    plain = "".join(char if char.isprintable() else " " for char in str(text))
    return plain.translate(INSTEAD).replace("://", ":")[:longest]


def run_page(run: str) -> str:
    """The page of a run in Azure DevOps."""
    told = settings()
    return f"{told.organization_url}/{quote(told.project)}/_build/results?buildId={run}"


def see_run(run: str) -> Iterator[str]:
    """Where to look at a run; nothing of what is no run's number."""
    if run.isdecimal():
        yield f"See: {run_page(run)}"


def see_alarm(arn: str) -> Iterator[str]:
    """The page of an alarm in its account's console."""
    region, name = arn.split(":")[3], quote(arn.rpartition(":")[2])
    yield f"See: https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#alarmsV2:alarm/{name}"


def tell(waiting: Waiting) -> list[str]:
    """Tell what is due and was not told; returns the levels' names.

    Raises where it could not be told, and `lease.Held` where somebody else is telling it.
    """
    return [level.name for level in _due(waiting) if _tell(waiting, level)]


def _due(waiting: Waiting) -> Iterator[Level]:
    """The latest level of each topic: who was not told in time is not told everything at once."""
    latest: dict[str, Level] = {}
    for level in _levels():
        if level.after <= waiting.age:
            latest[level.topic] = level
    yield from latest.values()


def _levels() -> Iterator[Level]:
    told = settings()
    yield Level("announced", timedelta(), told.notices)
    for number, seconds in enumerate(told.remind_after, 1):
        yield Level(f"reminded {number}", timedelta(seconds=seconds), told.notices, "Reminder: ")
    if told.escalate_after:
        yield Level("escalated", timedelta(seconds=told.escalate_after), told.escalations, "Escalated: ")


def _tell(waiting: Waiting, level: Level) -> bool:
    name = f"notice#{waiting.subject}#{level.name}"
    if memory.recall(name):
        return False
    subject, text = f"{level.word}{waiting.what}"[:LONGEST_SUBJECT], _text(waiting, level)
    with lease.held(name):
        if memory.recall(name):
            return False
        client("sns").publish(
            TopicArn=level.topic, Subject=subject, Message=_for_each(subject, text), MessageStructure="json"
        )
        memory.keep(name, "told", REMEMBER_SECONDS)
    return True


def _text(waiting: Waiting, level: Level) -> str:
    head = f"{level.word}{waiting.what}."
    if level.word:
        head += f" It has waited {_written(waiting.age)}."
    return "\n".join([head, *waiting.lines()])


def _written(age: timedelta) -> str:
    days, hours = divmod(int(age.total_seconds() // 3600), 24)
    said = [(days, "day"), (hours, "hour")]
    return " ".join(f"{one} {unit}{'s' * (one != 1)}" for one, unit in said if one) or "less than an hour"


def _for_each(subject: str, text: str) -> str:
    """Mail gets the text; Amazon Q, which shows it in chats over HTTPS, a notification as it reads them."""
    chat = {"textType": "client-markdown", "title": subject, "description": text}
    shown = json.dumps({"version": "1.0", "source": "custom", "content": chat})
    return json.dumps({"default": text, "email": text, "https": shown})
