"""Evaluate: how good the estimator is on rows it has not seen, and against the version in prod."""

from __future__ import annotations

import json
import tarfile
from functools import partial

import joblib
import pandas as pd
from isthmus.config import read_model
from isthmus.container.evaluation import judge, predictions
from isthmus.container.paths import processing
from isthmus.container.versions import read_champion

from steps.estimator import make_estimator


def main() -> None:
    config = read_model("model.yaml")
    frame = pd.read_csv(processing("input", "prepared") / "rows.csv")
    champion = read_champion(processing("input", "champion"))
    evaluation = judge(config, partial(make_estimator, config), frame, champion)
    output = processing("output", "evaluation")
    output.mkdir(parents=True, exist_ok=True)
    (output / "evaluation.json").write_text(json.dumps(evaluation, indent=1))
    held_out = _held_out(frame, config.features, config.problem)
    held_out.to_csv(output / "holdout.csv", index=False)
    print(evaluation["verdict"])


def _held_out(frame: pd.DataFrame, features: list[str], problem: str) -> pd.DataFrame:
    """The rows that the trained model has not seen, with what it predicts for them."""
    folder = processing("input", "model")
    with tarfile.open(folder / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    metadata = json.loads((folder / "metadata.json").read_text())
    rows = frame[metadata["trained_rows"] :].copy()
    rows["prediction"] = predictions(joblib.load(folder / "model.joblib"), rows[features], problem)
    return rows


if __name__ == "__main__":
    main()
