"""Labels that arrive later, in Model Monitor's ground-truth format, and what was predicted for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from isthmus.monitor import exchanges
from isthmus.monitor.capture import KEPT_BAD, UNREADABLE, Bad, Batch, blocks
from isthmus.monitor.texts import LAST_HASH

# The monitor judges so many labelled rows: those whose ids have the least hashes, which no order and no share
# of the captures changes. Its bootstrap over more of them would tell no more.
MOST = 100_000
_LINE = {
    "groundTruthData": pl.Struct({"data": pl.String}),
    "eventMetadata": pl.Struct({"eventId": pl.String}),
}
# JSON's numbers and truths have another text in Python than in polars.
_OF_TEXT = (r'"data"\s*:\s*"', r'"eventId"\s*:\s*"')


@dataclass
class Labels:
    """Labels by inference id. Of several under one id the latest counts; `twice` has those that differ.

    Where there are more than `most` ids, it has those with the least hashes. `bad` has the first lines that
    are none, `bad_lines` is how many there were.
    """

    by_id: dict[str, str] = field(default_factory=dict)
    twice: dict[str, list[str]] = field(default_factory=dict)
    bad: list[Bad] = field(default_factory=list)
    bad_lines: int = 0
    most: int | None = None
    _highest: int = LAST_HASH

    @cached_property
    def ids(self) -> pl.Series:
        """All ids that have a label, once all labels are read."""
        return pl.Series(list(self.by_id), dtype=pl.String)

    def take(self, ids: Sequence[str], labels: Sequence[str]) -> None:
        """Add labels in the order in which they came."""
        found = pl.DataFrame({"id": ids, "label": labels}, schema=dict.fromkeys(("id", "label"), pl.String))
        if self.most is not None:
            found = found.filter(pl.col("id").hash(seed=0) <= self._highest)
        for identity, label in found.iter_rows():
            self._take(identity, label)
        if self.most is not None and len(self.by_id) > 2 * self.most:
            self.trim()

    def _take(self, identity: str, label: str) -> None:
        before = self.by_id.get(identity)
        if before is not None and before != label:
            self.twice.setdefault(identity, [before]).append(label)
        self.by_id[identity] = label

    def trim(self) -> None:
        """Keep no more than `most` ids."""
        if self.most is None or len(self.by_id) <= self.most:
            return
        ids = list(self.by_id)
        hashes = pl.Series(ids).hash(seed=0)
        self._highest = hashes.sort()[self.most - 1]
        kept = {identity for identity, one in zip(ids, hashes, strict=True) if one <= self._highest}
        self.by_id = {identity: label for identity, label in self.by_id.items() if identity in kept}
        self.twice = {identity: told for identity, told in self.twice.items() if identity in kept}


def read_labels(folder: Path, most: int | None = None) -> Labels:
    """All labels under `folder`; a line of another format is set aside, and what it is about not judged."""
    labels = Labels(most=most)
    for block in blocks(folder):
        ids, told = [], []
        for place, found in enumerate(_read([line for _, _, line in block])):
            if found is not None:
                ids.append(found[0])
                told.append(found[1])
                continue
            file, number, line = block[place]
            labels.bad_lines += 1
            if len(labels.bad) < KEPT_BAD:
                bad = Bad(f"labels/{file}", number, "not a label of SageMaker", line.rstrip("\n"))
                labels.bad.append(bad)
        labels.take(ids, told)
    labels.trim()
    return labels


def _read(lines: Sequence[str]) -> Iterator[tuple[str, str] | None]:
    """For each line the id and its label, or None; by the column what is plain, any other alone."""
    raw = pl.col("raw").str
    found = (
        exchanges.parsed(lines, _LINE)
        .with_columns(pl.Series("raw", lines, dtype=pl.String))
        .select(
            pl.col("eventMetadata").struct.field("eventId"),
            pl.col("groundTruthData").struct.field("data").str.strip_chars(),
            plain=raw.contains(_OF_TEXT[0]) & raw.contains(_OF_TEXT[1]) & ~raw.contains(exchanges.SURROGATE),
        )
    )
    for line, (identity, label, plain) in zip(lines, found.iter_rows(), strict=True):
        yield (identity, label) if plain and None not in (identity, label) else _alone(line)


def _alone(line: str) -> tuple[str, str] | None:
    try:
        record: Mapping[str, Any] = json.loads(line)
        identity = str(record["eventMetadata"]["eventId"])
        label = str(record["groundTruthData"]["data"]).strip()
        f"{identity}{label}".encode()
    except UNREADABLE:
        return None
    return identity, label


@dataclass(frozen=True)
class Judged:
    """A prediction whose label has come, with the row that was asked."""

    label: str
    prediction: str
    row: tuple[Any, ...]


def join(batch: Batch, labels: Labels, into: dict[str, Judged]) -> None:
    """Add the batch's rows that have a label; of several answers under one id the last counts."""
    if not labels.by_id or not len(batch.ids) or not len(batch.predictions):
        return
    known = batch.ids.is_in(labels.ids.implode())
    found = (side.filter(known) for side in (batch.ids, batch.predictions))
    for identity, prediction, row in zip(*found, batch.rows.filter(known).iter_rows(), strict=True):
        into[identity] = Judged(labels.by_id[identity], prediction, row)


def pairs(judged: Mapping[str, Judged]) -> Iterable[tuple[str, str]]:
    """Labels with predictions, by id: captured in another order they would have another interval."""
    return ((judged[identity].label, judged[identity].prediction) for identity in sorted(judged))
