"""The estimator: what a team changes first. Everything in it is fitted on training rows only."""

from __future__ import annotations

from typing import Any

from isthmus.config import ModelConfig
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder


def make_estimator(config: ModelConfig) -> Pipeline:
    """Gradient boosting over the features; text columns are one-hot encoded, missing values are handled."""
    kind: Any = (
        HistGradientBoostingRegressor if config.problem == "regression" else HistGradientBoostingClassifier
    )
    encode_text = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
        remainder="passthrough",
    )
    return make_pipeline(encode_text, kind(random_state=0, early_stopping=False, **config.hyperparameters))
