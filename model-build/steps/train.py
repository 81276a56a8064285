"""Train: fit the estimator on all rows but the last block, which stays unseen for the tests in staging."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import joblib
import pandas as pd
from isthmus.config import read_model
from isthmus.container.evaluation import last_block
from isthmus.container.paths import channel, model_dir
from isthmus.container.versions import read_champion

from steps.estimator import make_estimator


def main() -> None:
    config = read_model("model.yaml")
    frame = pd.read_csv(channel("prepared") / "rows.csv")
    seen = last_block(len(frame), config, read_champion(channel("champion")))
    model = make_estimator(config).fit(frame[config.features][:seen], frame[config.target][:seen])
    folder = model_dir()
    joblib.dump(model, folder / "model.joblib")
    metadata = {
        "rows": len(frame),
        "trained_rows": seen,
        "features": {name: _kind(frame[name]) for name in config.features},
        "problem": config.problem,
    }
    (folder / "metadata.json").write_text(json.dumps(metadata))
    for name in ("serving", "steps", "model.yaml"):
        _copy(Path(name), folder / "code" / name)
    print(f"trained on {seen} of {len(frame)} rows")


def _kind(column: pd.Series) -> str:
    return "number" if pd.api.types.is_numeric_dtype(column) else "text"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


if __name__ == "__main__":
    main()
