"""A baseline: what a model's training data looked like, small enough to travel with the model.

Each feature is counted by `numbers` or `texts`. Model Monitor's files about the same data are `profile`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic_core import from_json

from isthmus.errors import BadInput
from isthmus.monitor import numbers, texts
from isthmus.monitor.numbers import Numbers
from isthmus.monitor.texts import Texts

if TYPE_CHECKING:
    import pandas as pd

VERSION = 2
Column = Numbers | Texts
Baseline = Mapping[str, Column]


def is_number(column: pl.Series) -> bool:
    return column.dtype.is_numeric() or column.dtype == pl.Boolean


def around(column: pl.Series) -> Column:
    """No rows yet, counted as suits a column like this one."""
    return numbers.around(column) if is_number(column) else texts.around(column)


def describe(column: pl.Series) -> Column:
    """A column counted as suits itself."""
    found = around(column)
    found.add(column)
    return found


def count(column: pl.Series, like: Column) -> Column:
    """`column` counted as `like` is, so that both can be compared."""
    found = like.empty()
    found.add(column)
    return found


def write_baseline(
    frame: pd.DataFrame | pl.DataFrame,
    directory: Path,
    *,
    features: Sequence[str],
    target: str,
    missing: Sequence[str] = (),
) -> Baseline:
    """Write `baseline.json` about the features of `frame`, and what SageMaker Model Monitor reads of it:
    `statistics.json`, `constraints.json` and `preprocessor.py`.

    `missing` is what stands for no value in requests, beside an empty cell.

    Raises `BadInput` for a feature that is no column of it, and for a frame without rows.
    """
    from isthmus.monitor import preprocessor
    from isthmus.monitor.profile import constraints, statistics

    table = _table(frame, features)
    baseline = {name: describe(table[name]) for name in features}
    directory.mkdir(parents=True, exist_ok=True)
    written = {
        "version": VERSION,
        "target": target,
        "missing": list(missing),
        "features": {name: one.record() for name, one in baseline.items()},
    }
    for name, content, indent in (
        ("baseline.json", written, None),
        ("statistics.json", statistics(baseline), 1),
        ("constraints.json", constraints(baseline), 1),
    ):
        (directory / name).write_text(json.dumps(content, indent=indent, allow_nan=False))
    kinds = {name: one.kind for name, one in baseline.items()}
    (directory / preprocessor.FILE).write_text(preprocessor.written(kinds, list(missing)), encoding="utf-8")
    return baseline


def _table(frame: pd.DataFrame | pl.DataFrame, features: Sequence[str]) -> pl.DataFrame:
    missing = [name for name in features if name not in frame.columns]
    if missing:
        raise BadInput(f"no column {missing[0]!r} to describe", todo=f"columns: {', '.join(frame.columns)}")
    if not len(frame):
        raise BadInput("there are no rows to describe")
    chosen = frame[list(features)]
    return chosen if isinstance(chosen, pl.DataFrame) else pl.from_pandas(chosen)


def read_column(record: dict[str, Any]) -> Column:
    """A column as its `record` says."""
    return numbers.read(record) if record["kind"] == "number" else texts.read(record)


def read_target(file: Path) -> str:
    """The name of what the model of the baseline in `file` predicts."""
    target: str = json.loads(file.read_text())["target"]
    return target


def read_baseline(file: Path) -> tuple[Baseline, list[str]]:
    """The baseline in `file`, and what stands for no value in requests.

    Raises `BadInput` where there is none, or it is none of ours.
    """
    try:
        found = from_json(file.read_bytes())
        if found["version"] != VERSION:
            raise BadInput(
                f"the baseline is of version {found['version']}, and this is Isthmus' version {VERSION}",
                where=str(file),
                todo="run the model's build again, and deploy the version that it registers",
            )
        return {name: read_column(one) for name, one in found["features"].items()}, found["missing"]
    except FileNotFoundError:
        raise BadInput("there is no baseline", where=str(file)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput("not a baseline of Isthmus", where=str(file)) from None
