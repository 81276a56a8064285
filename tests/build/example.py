"""The example's story, retold in-process: a first version, half a year of weather, a second version."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from isthmus.config import ModelConfig, read_deploy, read_model
from isthmus.container.evaluation import first_judged_row, predictions, rolling, trained_rows
from isthmus.container.metrics import gain, with_interval
from isthmus.interval import Interval
from isthmus.monitor.quality import loss

MODEL_BUILD = Path(__file__).parents[2] / "model-build"
CONFIG = read_model(MODEL_BUILD / "model.yaml")
SURE = read_deploy(MODEL_BUILD.parent / "model-deploy" / "deploy.yaml").monitoring.confidence


@dataclass(frozen=True)
class Story:
    """Truth and predictions of both versions, wherever the demo measures them."""

    registered: tuple[np.ndarray, np.ndarray]
    served: tuple[np.ndarray, np.ndarray]
    compared: tuple[np.ndarray, np.ndarray, np.ndarray]

    def first(self, seed: int = 0) -> Interval:
        return with_interval(CONFIG.evaluation.metric, *self.registered, 0.95, seed)

    def later(self, seed: int = 0) -> Interval:
        return with_interval(CONFIG.evaluation.metric, *self.served, 0.95, seed)

    def second(self, seed: int = 0) -> Interval:
        return with_interval(CONFIG.evaluation.metric, self.compared[0], self.compared[2], 0.95, seed)

    def loss(self, seed: int = 0) -> float:
        """Over 1: worse than registered beyond chance, at the monitor's confidence."""
        current = with_interval(CONFIG.evaluation.metric, *self.served, SURE, seed)
        return loss(self.first(seed), current, CONFIG.evaluation.higher_is_better, 0.95, SURE)

    def gain(self, seed: int = 0) -> Interval:
        return gain(CONFIG.evaluation.metric, *self.compared, 0.95, seed)


def estimator(config: ModelConfig) -> Any:
    sys.path.insert(0, str(MODEL_BUILD))
    try:
        from steps.estimator import make_estimator
    finally:
        sys.path.remove(str(MODEL_BUILD))
    return make_estimator(config)


def tell(before: pd.DataFrame, after: pd.DataFrame, config: ModelConfig = CONFIG) -> Story:
    rows, target = pd.concat([before, after], ignore_index=True), config.target

    def make() -> Any:
        return estimator(config)

    first, seen = first_judged_row(len(before), config), trained_rows(len(before), config)
    champion = make().fit(before[config.features][:seen], before[target][:seen])
    served = predictions(champion, after[config.features], config.problem)
    second = max(len(before), first_judged_row(len(rows), config))
    return Story(
        (before[target].to_numpy()[first:], rolling(make, before, config, first)),
        (after[target].to_numpy(), served),
        (
            rows[target].to_numpy()[second:],
            served[second - len(before) :],
            rolling(make, rows, config, second),
        ),
    )


def weather() -> pd.DataFrame:
    """All four years, with the example's columns."""
    from vega_datasets import data

    frame = data.seattle_weather()
    frame["date"] = pd.to_datetime(frame["date"])
    frame = frame.sort_values("date", ignore_index=True)
    frame["day_of_year"] = frame["date"].dt.dayofyear
    frame["rain_tomorrow"] = (frame["precipitation"].shift(-1) > 0).astype(int)
    return frame[:-1]


def half_years(year: int, month: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The half-year that starts then, and the next."""
    frame, start = weather(), pd.Timestamp(year, month, 1)
    middle, end = start + pd.DateOffset(months=6), start + pd.DateOffset(months=12)
    inside = [
        frame[(frame["date"] >= low) & (frame["date"] < high)]
        for low, high in ((start, middle), (middle, end))
    ]
    return inside[0].reset_index(drop=True), inside[1].reset_index(drop=True)


def with_features(config: ModelConfig, *names: str) -> ModelConfig:
    return config.model_copy(update={"features": list(names)})
