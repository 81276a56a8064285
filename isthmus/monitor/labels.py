"""Labels that arrive later, in Model Monitor's ground-truth format, and what was predicted for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.monitor.capture import UNREADABLE, Bad, Batch, lines


@dataclass
class Labels:
    """Labels by inference id. Of several under one id the latest counts; `twice` has those that differ."""

    by_id: dict[str, str] = field(default_factory=dict)
    twice: dict[str, list[str]] = field(default_factory=dict)
    repeated: int = 0
    bad: list[Bad] = field(default_factory=list)

    def _take(self, identity: str, label: str) -> None:
        before = self.by_id.get(identity)
        if before is not None:
            self.repeated += 1
            if before != label:
                self.twice.setdefault(identity, [before]).append(label)
        self.by_id[identity] = label


def read_labels(folder: Path) -> Labels:
    """All labels under `folder`; a line of another format is set aside, and what it is about not judged."""
    labels = Labels()
    for file, number, line in lines(folder):
        try:
            record: Mapping[str, Any] = json.loads(line)
            identity, label = (
                str(record["eventMetadata"]["eventId"]),
                str(record["groundTruthData"]["data"]).strip(),
            )
            f"{identity}{label}".encode()
        except UNREADABLE:
            labels.bad.append(Bad(f"labels/{file}", number, "not a label of SageMaker", line.rstrip("\n")))
            continue
        labels._take(identity, label)
    return labels


@dataclass(frozen=True)
class Judged:
    """A prediction whose label has come, with the row that was asked."""

    label: str
    prediction: str
    row: tuple[Any, ...]


def join(batch: Batch, labels: Labels, into: dict[str, Judged]) -> None:
    """Add the batch's rows that have a label; of several answers under one id the last counts."""
    for place, (identity, prediction) in enumerate(zip(batch.ids, batch.predictions, strict=False)):
        label = labels.by_id.get(identity)
        if label is not None:
            into[identity] = Judged(label, prediction, batch.rows.row(place))


def pairs(judged: Mapping[str, Judged]) -> Iterable[tuple[str, str]]:
    """Labels with predictions, by id: captured in another order they would have another interval."""
    return ((judged[identity].label, judged[identity].prediction) for identity in sorted(judged))
