"""What two variants answered, read from captures: each request once, and of a shadow beside its original."""

from __future__ import annotations

import tempfile
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.compare.sequence import Floats
from isthmus.errors import BadInput
from isthmus.monitor.capture import Answer, Bad, answers
from isthmus.monitor.collect import collect
from isthmus.monitor.labels import Labels, read_labels

Pair = tuple[Answer, Answer]


@dataclass(frozen=True)
class Heard:
    """A variant's answers in the order of time, and how many lines could not be read."""

    answers: list[Answer]
    set_aside: int = 0


def hear(s3: Any, uri: str, since: datetime, now: datetime) -> Heard:
    """All that was captured under `uri` since then."""
    with tempfile.TemporaryDirectory() as folder:
        fetched = collect(s3, uri, _days(since, now), now, Path(folder))
        found = [*fetched.bad, *answers(Path(folder))]
    return Heard(
        [one for one in found if isinstance(one, Answer)], sum(isinstance(one, Bad) for one in found)
    )


def labels(s3: Any, uri: str, since: datetime, now: datetime) -> Labels:
    """The labels that have come since then."""
    with tempfile.TemporaryDirectory() as folder:
        fetched = collect(s3, uri, _days(since, now), now, Path(folder))
        return read_labels(Path(folder), unread=fetched.bad)


def _days(since: datetime, now: datetime) -> int:
    return (now - since).days + 1


def pairs(champion: Iterable[Answer], challenger: Iterable[Answer]) -> list[Pair]:
    """Each original with its copy: by the id that the caller gave, else by what was asked, in its order."""
    copies: dict[str | bytes, deque[Answer]] = defaultdict(deque)
    for one in challenger:
        copies[_key(one)].append(one)
    found = []
    for one in champion:
        if waiting := copies.get(_key(one)):
            found.append((one, waiting.popleft()))
    return found


def _key(one: Answer) -> str | bytes:
    return one.identity if one.named else one.request


def values(found: Iterable[Answer], answer: str | None) -> Floats:
    """One number a request: the mean of its predictions, or the share of them that are that class.

    Raises `BadInput` where the model answers by classes and none is named.
    """
    return np.array([_value(one, answer) for one in found], dtype=float)


def _value(one: Answer, answer: str | None) -> float:
    if answer is not None:
        return sum(told == answer for told in one.predictions) / max(1, len(one.predictions))
    try:
        return float(np.mean([float(told) for told in one.predictions]))
    except ValueError:
        raise BadInput(
            f"the model answers by classes, such as {one.predictions[0]!r}",
            todo="name the one whose share is compared: deploy.yaml, compare.answer",
        ) from None


def rows(one: Answer) -> Iterator[tuple[str, str]]:
    """Each prediction with the id that its label has."""
    single = len(one.predictions) == 1
    for number, told in enumerate(one.predictions):
        yield one.identity if single else f"{one.identity}/{number}", told
