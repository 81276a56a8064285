"""Prepare: put the rows in order, check them, and describe them for the monitor."""

from __future__ import annotations

from isthmus.config import read_model
from isthmus.container.paths import processing
from isthmus.container.tabular import read_rows
from isthmus.container.versions import features_of_champion
from isthmus.container.window import window
from isthmus.monitor.baseline import write_baseline
from isthmus.monitor.training_drift import write_training_drift


def main() -> None:
    config = read_model("model.yaml")
    also = features_of_champion(processing("input", "champion"))
    rows = read_rows(processing("input", "data"), config, also)
    output = processing("output", "prepared")
    output.mkdir(parents=True, exist_ok=True)
    rows.to_csv(output / "rows.csv", index=False)
    # What the monitor compares with is what the model learns from.
    learned = rows[window(rows, config, len(rows))]
    write_baseline(
        learned,
        processing("output", "baseline"),
        features=config.features,
        target=config.target,
        missing=config.data.missing,
    )
    write_training_drift(learned, processing("input", "champion"), processing("output", "baseline"))
    print(f"{len(rows)} rows of {len(config.features)} features")


if __name__ == "__main__":
    main()
