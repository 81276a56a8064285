"""How far the rows that a version is trained on are from those of the version in prod.

What is served and how that drifts, the monitor says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from isthmus.monitor.baseline import Baseline, count, read_baseline
from isthmus.monitor.drift import Rule, drifts
from isthmus.monitor.findings import Drift

if TYPE_CHECKING:
    import pandas as pd

FILE = "training_drift.json"


def against(trained: Baseline, rows: pl.DataFrame) -> list[Drift]:
    """The drift of each column that both have, the furthest first; `trained` is the champion's baseline."""
    known = {name: one for name, one in trained.items() if name in rows.columns}
    return drifts(known, {name: count(rows[name], one) for name, one in known.items()}, Rule())


def write_training_drift(rows: pd.DataFrame, champion: Path, directory: Path) -> None:
    """Write the file beside the baseline where the champion's input holds a baseline; else nothing."""
    before = champion / "baseline.json"
    if not before.exists():
        return
    found: list[dict[str, Any]] = [
        {"feature": one.feature, "psi": one.psi, "chance": one.chance, "drifted": one.ratio > 1}
        for one in against(read_baseline(before)[0], pl.from_pandas(rows))
    ]
    (directory / FILE).write_text(json.dumps(found, indent=1))
