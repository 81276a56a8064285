"""Train: fit the estimator on the rows before the last block, which stays unseen for the tests in staging."""

from __future__ import annotations

import joblib
from isthmus.config import read_model
from isthmus.container.artifact import complete
from isthmus.container.evaluation import training_rows
from isthmus.container.paths import channel, model_dir
from isthmus.container.tabular import read_prepared

from steps.estimator import make_estimator


def main() -> None:
    config = read_model("model.yaml")
    rows = read_prepared(channel("prepared") / "rows.csv", config)
    seen = training_rows(rows, config)
    model = make_estimator(config).fit(rows[config.features][seen], rows[config.target][seen])
    joblib.dump(model, model_dir() / "model.joblib")
    complete(model_dir(), config, rows, seen.stop)
    print(f"trained on {seen.stop - seen.start} of {len(rows)} rows")


if __name__ == "__main__":
    main()
