"""Evaluate: how good the estimator is on rows that it has not seen, and against the version in prod."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import joblib
import pandas as pd
from isthmus.config import ModelConfig, read_model
from isthmus.container.archive import unpack
from isthmus.container.artifact import read_metadata
from isthmus.container.evaluation import Judgement, judge, predictions
from isthmus.container.paths import processing
from isthmus.container.tabular import read_prepared
from isthmus.container.versions import CHAMPION, read_champion, rival

from steps.estimator import make_estimator


def main() -> None:
    config = read_model("model.yaml")
    rows = read_prepared(processing("input", "prepared") / "rows.csv", config)
    champion = read_champion(processing("input", "champion"))
    judged = judge(config, partial(make_estimator, config), rows, lambda start: rival(champion, rows, start))
    output = processing("output", "evaluation")
    output.mkdir(parents=True, exist_ok=True)
    (output / "evaluation.json").write_text(json.dumps(judged.evaluation, indent=1))
    judged.forecasts.to_csv(output / "predictions.csv", index=False)
    unseen = held_out(rows, config, processing("input", "model"))
    with_champion(unseen, judged).to_csv(output / "holdout.csv", index=False)
    print(judged.evaluation["verdict"])


def held_out(rows: pd.DataFrame, config: ModelConfig, folder: Path) -> pd.DataFrame:
    """The rows that the trained model has not seen, with what it predicts for them."""
    unpack(folder / "model.tar.gz", folder)
    unseen = rows[read_metadata(folder).trained_rows :].copy()
    model = joblib.load(folder / "model.joblib")
    unseen["prediction"] = predictions(model, unseen[config.features], config.problem)
    return unseen


def with_champion(unseen: pd.DataFrame, judged: Judgement) -> pd.DataFrame:
    """The rows with what the version in prod predicts for them, where it was compared on them."""
    if not len(judged.champion):
        return unseen
    known = pd.Series(judged.champion, index=range(judged.start, judged.start + len(judged.champion)))
    return unseen.assign(**{CHAMPION: known.reindex(unseen.index)})


if __name__ == "__main__":
    main()
