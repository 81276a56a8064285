"""How far a version's training rows are from the champion's, written where a champion came along."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from isthmus.monitor.baseline import write_baseline
from isthmus.monitor.training_drift import write_training_drift


def rows(shift: float = 0.0) -> pd.DataFrame:
    drawn = np.random.default_rng(7)
    return pd.DataFrame({"wind": drawn.normal(shift, 1, 400), "sky": drawn.choice(["clear", "grey"], 400)})


def test_what_moved_is_told_and_what_did_not_too(tmp_path: Path) -> None:
    write_baseline(rows(), tmp_path / "champion", features=["wind", "sky"], target="rain")
    write_training_drift(rows(2.0), tmp_path / "champion", tmp_path)
    found = {
        one["feature"]: one["drifted"] for one in json.loads((tmp_path / "training_drift.json").read_text())
    }
    assert found == {"wind": True, "sky": False}


def test_without_a_champion_nothing_is_written(tmp_path: Path) -> None:
    write_training_drift(rows(), tmp_path / "champion", tmp_path)
    assert not (tmp_path / "training_drift.json").exists()
