"""The estimator learns, takes missing values and text, and serves what was saved; whatever the problem."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from isthmus.config import ModelConfig, read_model
from isthmus.container.artifact import complete
from isthmus.container.evaluation import predictions

from serving import inference
from steps.estimator import make_estimator

REPOSITORY = Path(__file__).parent.parent
ROWS = 240


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> ModelConfig:
    monkeypatch.chdir(REPOSITORY)
    return read_model("model.yaml")


def table(config: ModelConfig) -> pd.DataFrame:
    """Made-up rows, oldest first, whose target follows the first feature."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.normal(size=ROWS) for name in config.features})
    first = frame[config.features[0]]
    if config.problem == "regression":
        frame[config.target] = 3 * first
    else:
        classes = 2 if config.problem == "binary" else 3
        frame[config.target] = pd.qcut(first, classes, labels=False)
    return frame.assign(**{config.data.time: range(ROWS)}) if config.data.time else frame


def test_it_learns_what_is_there_to_learn(config: ModelConfig) -> None:
    rows = table(config)
    seen, unseen = rows[:180], rows[180:]
    fitted = make_estimator(config).fit(seen[config.features], seen[config.target])
    assert fitted.score(unseen[config.features], unseen[config.target]) > 0.8


def test_it_takes_missing_values_and_categories_it_has_not_seen(config: ModelConfig) -> None:
    rows = table(config)
    features = rows[config.features].assign(sky=np.where(rows.index % 2, "grey", "blue"))
    features.loc[::7, config.features[0]] = np.nan
    fitted = make_estimator(config).fit(features, rows[config.target])
    odd = features.head(2).assign(sky=["green", None])
    assert len(predictions(fitted, odd, config.problem)) == 2


def test_what_is_served_is_what_was_saved(config: ModelConfig, tmp_path: Path) -> None:
    rows = table(config)
    fitted = make_estimator(config).fit(rows[config.features], rows[config.target])
    joblib.dump(fitted, tmp_path / "model.joblib")
    complete(tmp_path, config, rows, ROWS)
    assert inference.features(tmp_path) == dict.fromkeys(config.features, "number")
    served = inference.predict_fn(rows[config.features], inference.model_fn(tmp_path))
    assert np.array_equal(served, predictions(fitted, rows[config.features], config.problem))
