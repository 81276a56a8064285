"""The estimator learns, takes missing values and text, and survives being saved."""

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from isthmus.config import ModelConfig, read_model

from serving import inference
from steps.estimator import make_estimator

ROWS = 200


@pytest.fixture
def config() -> ModelConfig:
    return read_model(Path(__file__).parent.parent / "model.yaml")


def table(config: ModelConfig) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows whose target follows the first feature."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.normal(size=ROWS) for name in config.features})
    return frame, (frame[config.features[0]] > 0).astype(int).to_numpy()


def test_it_learns_what_is_there_to_learn(config: ModelConfig) -> None:
    frame, target = table(config)
    fitted = make_estimator(config).fit(frame[:150], target[:150])
    assert fitted.score(frame[150:], target[150:]) > 0.9


def test_it_takes_missing_values_and_categories_it_has_not_seen(config: ModelConfig) -> None:
    frame, target = table(config)
    frame["sky"] = np.where(target == 1, "grey", "blue")
    frame.loc[::7, config.features[0]] = np.nan
    fitted = make_estimator(config).fit(frame, target)
    odd = frame.head(2).assign(sky=["green", None])
    assert fitted.predict_proba(odd).shape == (2, 2)


def test_what_is_served_is_what_was_saved(config: ModelConfig, tmp_path: Path) -> None:
    frame, target = table(config)
    fitted = make_estimator(config).fit(frame, target)
    joblib.dump(fitted, tmp_path / "model.joblib")
    features = dict.fromkeys(config.features, "number")
    (tmp_path / "metadata.json").write_text(json.dumps({"features": features, "problem": config.problem}))
    served = inference.predict_fn(frame, inference.model_fn(tmp_path))
    assert inference.features(tmp_path) == features
    assert np.allclose(served, fitted.predict_proba(frame)[:, 1])
