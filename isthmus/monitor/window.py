"""How far the rows that a version is trained on are from those of the version in prod: for its approver.

What is served and how that drifts, the monitor says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from isthmus.monitor.baseline import count, read_baseline
from isthmus.monitor.drift import Rule, drifts

if TYPE_CHECKING:
    import pandas as pd

FILE = "window.json"


def write_window(rows: pd.DataFrame, champion: Path, directory: Path) -> None:
    """Write window.json beside the baseline where the champion's input holds a baseline; else nothing."""
    before = champion / "baseline.json"
    if not before.exists():
        return
    table = pl.from_pandas(rows)
    known = {name: one for name, one in read_baseline(before)[0].items() if name in table.columns}
    now = {name: count(table[name], one) for name, one in known.items()}
    found: list[dict[str, Any]] = [
        {"feature": one.feature, "psi": one.psi, "chance": one.chance, "drifted": one.ratio > 1}
        for one in drifts(known, now, Rule())
    ]
    (directory / FILE).write_text(json.dumps(found, indent=1))
