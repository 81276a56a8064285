"""Labels that arrive later, in Model Monitor's ground-truth format, and what was predicted for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from isthmus.classes import no_label
from isthmus.monitor.capture import KEPT_BAD, UNREADABLE, Bad, Batch
from isthmus.monitor.cores import ahead
from isthmus.monitor.lines import Lines, blocks
from isthmus.monitor.texts import LAST_HASH

# The monitor judges so many labelled rows: those whose ids have the least hashes, which no order and no share
# of the captures changes. Its bootstrap over more of them would tell no more.
MOST = 100_000
_TEXTS = dict.fromkeys(("id", "label"), pl.String())
_READ = {"line": pl.UInt32()} | _TEXTS
NONE = pl.DataFrame(schema=dict.fromkeys(("id", "label", "prediction"), pl.String))


class _Data(msgspec.Struct, gc=False):
    data: str


class _Metadata(msgspec.Struct, rename="camel", gc=False):
    event_id: str


class _Label(msgspec.Struct, rename="camel", gc=False):
    ground_truth_data: _Data
    event_metadata: _Metadata


_LABELS = msgspec.json.Decoder(_Label)


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
    def table(self) -> pl.DataFrame:
        """Each `id` with its `label`, once all labels are read."""
        return pl.DataFrame({"id": [*self.by_id], "label": [*self.by_id.values()]}, schema=_TEXTS)

    def take(self, found: pl.DataFrame) -> None:
        """Add labels, each with its `id`, in the order in which they came."""
        if self.most is not None:
            found = self._of_the_least(found, self.most)
        ids, labels = found["id"].to_list(), found["label"].to_list()
        told = dict(zip(ids, labels, strict=True))
        if len(told) == len(ids) and self.by_id.keys().isdisjoint(told):
            self.by_id |= told
        else:
            for identity, label in zip(ids, labels, strict=True):
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
        kept = self._of_the_least(Labels(self.by_id).table, self.most)
        self.by_id = dict(zip(kept["id"].to_list(), kept["label"].to_list(), strict=True))
        self.twice = {identity: told for identity, told in self.twice.items() if identity in self.by_id}

    def _of_the_least(self, found: pl.DataFrame, most: int) -> pl.DataFrame:
        """Those whose ids can be among the `most` with the least hashes of all."""
        hashes = found["id"].hash(seed=0)
        least = hashes.unique().sort()
        self._highest = min(self._highest, least[most - 1] if len(least) > most else LAST_HASH)
        return found.filter(hashes <= self._highest)


def read_labels(
    folder: Path, most: int | None = None, unread: Sequence[Bad] = (), classes: Sequence[str] | None = None
) -> Labels:
    """All labels under `folder`; a line of another format is set aside, and what it is about not judged.

    So is one whose label is none of a model of these `classes`: it replaces no other under its id. `unread`
    are files that were set aside before.
    """
    bad = [replace(one, file=f"labels/{one.file}") for one in unread[:KEPT_BAD]]
    labels = Labels(most=most, bad=bad, bad_lines=len(unread))
    for found, bad in ahead(lambda lines: _good(lines, classes), blocks(folder)):
        labels.bad_lines += len(bad)
        labels.bad.extend(bad[: KEPT_BAD - len(labels.bad)])
        labels.take(found)
    labels.trim()
    return labels


def _good(lines: Lines, classes: Sequence[str] | None) -> tuple[pl.DataFrame, list[Bad]]:
    """The labels of a block, and what is none of a model of these classes; without, any text is one."""
    found, bad = _read(lines)
    if classes is None:
        return found, bad
    # A finite number always is one.
    doubtful = found.filter(~pl.col("label").cast(pl.Float64, strict=False).is_finite().fill_null(False))
    faults = {text: no_label(text, classes) for text in doubtful["label"].unique()}
    none = found["label"].is_in([text for text, fault in faults.items() if fault])
    aside = found.filter(none).select("line", "label").iter_rows()
    bad += [Bad.at(lines, place, faults[text], "labels/") for place, text in aside]
    return found.filter(~none), bad


def _read(lines: Lines) -> tuple[pl.DataFrame, list[Bad]]:
    """Each `id` with its `label`, by the column what is alike, any other alone; and what is no label."""
    places, records = lines.read(_LABELS)
    columns = {
        "line": places,
        "id": [one.event_metadata.event_id for one in records],
        "label": [one.ground_truth_data.data for one in records],
    }
    found = pl.DataFrame(columns, schema=_READ).filter(pl.col("id") != "")
    found = found.with_columns(pl.col("label").str.strip_chars())
    alone, bad = [], []
    for place, line in lines.others(found["line"].to_numpy()):
        if told := _alone(line):
            alone.append((place, *told))
        else:
            bad.append(Bad.at(lines, place, "not a label of SageMaker", "labels/"))
    if alone:
        found = pl.concat([found, pl.DataFrame(alone, schema=found.schema, orient="row")]).sort("line")
    return found, bad


def _alone(line: str) -> tuple[str, str] | None:
    try:
        record: Mapping[str, Any] = json.loads(line)
        identity = record["eventMetadata"]["eventId"]
        if identity is None or identity == "":
            return None
        identity = str(identity)
        label = str(record["groundTruthData"]["data"]).strip()
        f"{identity}{label}".encode()
    except UNREADABLE:
        return None
    return identity, label


def join(batch: Batch, labels: Labels) -> pl.DataFrame:
    """The batch's rows that have a label: `id`, `label`, `prediction`, and `row`, which has the features."""
    if not labels.by_id or not len(batch.ids) or not len(batch.predictions):
        return NONE
    asked = pl.DataFrame({"id": batch.ids, "prediction": batch.predictions, "place": range(len(batch.ids))})
    told = asked.join(labels.table, on="id", maintain_order="left")
    rows = batch.rows[told["place"]].to_struct("row")
    return told.select("id", "label", "prediction").with_columns(rows)


def last(judged: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All that `join` gave, in its order; of several answers under one id the last counts."""
    found = pl.concat([NONE, *judged], how="diagonal_relaxed")
    return found.unique("id", keep="last", maintain_order=True)


def pairs(judged: pl.DataFrame) -> Iterable[tuple[str, str]]:
    """Labels with predictions, by id: captured in another order they would have another interval."""
    return judged.sort("id").select("label", "prediction").iter_rows()
