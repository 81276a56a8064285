"""Model-build folders of other problems: the example's, with other data, another model.yaml, other steps.

Nothing else is replaced: what the platform makes of them is told by the tests that use them.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

MODEL_BUILD = Path(__file__).parents[1] / "model-build"

HOUSES: dict[str, Any] = {
    "name": "house-price",
    "problem": "regression",
    "data": {"source": "data/houses.csv"},
    "target": "price",
    "features": ["size", "rooms", "district", "heating"],
    "evaluation": {"metric": "mae", "threshold": 60, "challenger": "no_worse"},
}
PLANTS: dict[str, Any] = {
    "name": "plant-kind",
    "problem": "multiclass",
    "data": {"source": "data/plants.csv", "time": "seen"},
    "target": "kind",
    "features": ["length", "width", "soil"],
    "evaluation": {"metric": "f1_macro", "threshold": 0.6},
}
COINS: dict[str, Any] = {
    "name": "coin-toss",
    "problem": "binary",
    "data": {"source": "data/tosses.csv"},
    "target": "heads",
    "features": ["height", "spin"],
    "evaluation": {"metric": "auc", "threshold": 0.9},
}

TREES = '''"""The estimator of a team that took another: trees, which take missing values as they are."""

from __future__ import annotations

from isthmus.config import ModelConfig
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def make_estimator(config: ModelConfig) -> Pipeline:
    """Texts as numbers, and boosted trees on them."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    texts = make_column_selector(dtype_exclude="number")
    return make_pipeline(
        make_column_transformer((encoder, texts), remainder="passthrough"),
        HistGradientBoostingRegressor(random_state=0, **config.hyperparameters),
    )
'''


def houses(folder: Path) -> Path:
    """A regression without a time column, with numbers and texts missing, and another estimator."""
    random = np.random.default_rng(0)
    rows = 300
    frame = pd.DataFrame(
        {
            "size": random.uniform(40, 200, rows).round(1),
            "rooms": random.integers(1, 7, rows).astype(float),
            "district": random.choice(["north", "south", "east, by the lake"], rows),
            "heating": random.choice(["gas", "wood"], rows),
        }
    )
    worth = 3 * frame["size"] + 90 * (frame["district"] == "north")
    frame["price"] = (worth + random.normal(0, 10, rows)).round(2)
    frame.loc[::9, "size"] = np.nan
    frame.loc[::7, ["district", "heating"]] = [None, "NA"]
    made = _folder(folder, HOUSES, frame)
    (made / "steps" / "estimator.py").write_text(TREES)
    return made


def plants(folder: Path) -> Path:
    """Three classes named in words, cells missing in numbers and texts, and a soil that comes halfway."""
    random = np.random.default_rng(1)
    rows = 400
    frame = pd.DataFrame(
        {
            "seen": pd.date_range("2024-01-01", periods=rows).strftime("%Y-%m-%d"),
            "length": random.normal(0, 1, rows).round(3),
            "width": random.normal(0, 1, rows).round(3),
            "soil": random.choice(["clay", "sand"], rows),
        }
    )
    loam = (np.arange(rows) >= rows // 2) & (random.random(rows) < 0.6)
    frame.loc[loam, "soil"] = "loam, wet"
    kinds = [loam, frame["length"] > 0.4, frame["soil"] == "sand"]
    frame["kind"] = np.select(kinds, ["wet one", "tall one", "dry one"], "wet one")
    frame.loc[random.random(rows) < 0.05, "kind"] = "tall one"
    frame.loc[::11, "soil"] = None
    frame.loc[::13, "width"] = np.nan
    return _folder(folder, PLANTS, frame)


def coins(folder: Path, below_bar: str) -> Path:
    """Nothing that could be learned, so a bar that no version reaches."""
    random = np.random.default_rng(2)
    frame = pd.DataFrame(random.normal(0, 1, (120, 2)).round(3), columns=["height", "spin"])
    frame["heads"] = random.integers(0, 2, 120)
    config = COINS | {"evaluation": COINS["evaluation"] | {"below_bar": below_bar}}
    return _folder(folder, config, frame)


def _folder(folder: Path, config: dict[str, Any], rows: pd.DataFrame) -> Path:
    shutil.copytree(MODEL_BUILD, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "data"))
    (folder / "model.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (folder / "data").mkdir()
    rows.to_csv(folder / config["data"]["source"], index=False)
    return folder
