"""Serving: load the model, and answer one prediction a row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import pandas as pd


def features(folder: Path) -> dict[str, str]:
    """The columns that a request must have, in order, and whether each is `number` or `text`."""
    names: dict[str, str] = json.loads((folder / "metadata.json").read_text())["features"]
    return names


def model_fn(folder: Path) -> Any:
    """The fitted estimator, and what kind of problem it solves."""
    return joblib.load(folder / "model.joblib"), json.loads((folder / "metadata.json").read_text())["problem"]


def predict_fn(frame: pd.DataFrame, model: Any) -> Any:
    """The positive class's probability (binary), the class, or the value, for each row."""
    estimator, problem = model
    if problem == "binary":
        return estimator.predict_proba(frame)[:, 1]
    return estimator.predict(frame)
