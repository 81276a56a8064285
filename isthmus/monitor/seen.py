"""All that a monitor keeps of a window of captures: counts, judged predictions, a sample, what was set aside.

What several instances have seen adds up to what one would have seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from isthmus.monitor.baseline import Baseline, read_column
from isthmus.monitor.capture import KEPT_BAD, Bad, Batch
from isthmus.monitor.labels import MOST, NONE, Labels, join, last
from isthmus.monitor.sketch import Sketch, sketch


@dataclass
class Seen:
    """`sample` has the `wanted` rows whose ids have the least hashes, by these: however it was made."""

    sketch: Sketch
    wanted: int = 0
    judged: pl.DataFrame = field(default_factory=NONE.clone)
    sample: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    bad: list[Bad] = field(default_factory=list)
    bad_lines: int = 0

    def __add__(self, other: Seen) -> Seen:
        wanted = max(self.wanted, other.wanted)
        return Seen(
            self.sketch + other.sketch,
            wanted,
            last([self.judged, other.judged]),
            least(self.sample | other.sample, wanted),
            [*self.bad, *other.bad][:KEPT_BAD],
            self.bad_lines + other.bad_lines,
        )

    def write(self, file: Path) -> None:
        """As JSON, for the instance that adds them up."""
        told = {
            "rows": self.sketch.rows,
            "columns": {name: one.record() for name, one in self.sketch.columns.items()},
            "wanted": self.wanted,
            "judged": self.judged.to_dicts(),
            "sample": [[key, row] for key, row in self.sample.items()],
            "bad": [asdict(one) for one in self.bad],
            "bad_lines": self.bad_lines,
        }
        file.write_text(json.dumps(told, allow_nan=False))


def read(file: Path) -> Seen:
    """What `Seen.write` wrote."""
    told = json.loads(file.read_text())
    return Seen(
        Sketch({name: read_column(one) for name, one in told["columns"].items()}, told["rows"]),
        told["wanted"],
        pl.DataFrame(told["judged"], infer_schema_length=None) if told["judged"] else NONE,
        {key: tuple(row) for key, row in told["sample"]},
        [Bad(**one) for one in told["bad"]],
        told["bad_lines"],
    )


def see(
    found: Iterable[Batch],
    baseline: Baseline,
    prediction: str,
    labels: Labels,
    samples: int,
    unread: Sequence[Bad] = (),
) -> Seen:
    """What is in the batches, counted as the baseline's columns are; answers are its column `prediction`.

    The sample is of `samples` rows; `unread` are files that were set aside before.
    """
    seen = Seen(Sketch({}), samples, bad=[*unread[:KEPT_BAD]], bad_lines=len(unread))
    judged = [NONE]

    def frames() -> Iterator[pl.DataFrame]:
        for batch in found:
            judged.append(join(batch, labels))
            # One id may be asked for any number of times.
            if sum(one.height for one in judged) > 2 * MOST:
                judged[:] = [last(judged)]
            seen.bad.extend(batch.bad[: KEPT_BAD - len(seen.bad)])
            seen.bad_lines += len(batch.bad)
            if samples:
                _sample(batch, seen)
            yield _with_answers(batch, prediction) if prediction in baseline else batch.rows

    seen.sketch = sketch(frames(), baseline)
    seen.judged = last(judged)
    return seen


def _with_answers(batch: Batch, prediction: str) -> pl.DataFrame:
    answers = batch.predictions if len(batch.predictions) else pl.lit(None, pl.String)
    return batch.rows.with_columns(answers.alias(prediction))


def _sample(batch: Batch, seen: Seen) -> None:
    found = {_hash(identity): place for place, identity in enumerate(batch.ids) if identity is not None}
    rows = {key: batch.rows.row(place) for key, place in least(found, seen.wanted).items()}
    seen.sample = least(seen.sample | rows, seen.wanted)


def least(found: dict[int, Any], size: int) -> dict[int, Any]:
    """What has the `size` least keys, in their order."""
    return {key: found[key] for key in sorted(found)[:size]}


def _hash(identity: str) -> int:
    return int.from_bytes(blake2b(identity.encode(), digest_size=8).digest())
