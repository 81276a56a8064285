"""What the model answered when it was judged in training, so that its answers can be seen to drift."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from isthmus.monitor.baseline import Baseline, describe

PREDICTION = "prediction"


def with_predictions(baseline: Baseline, file: Path, classes: Sequence[str]) -> Baseline:
    """The baseline with a column of the answers in `file`, the predictions.csv that the evaluate step leaves.

    They are out of sample: each block of rows is answered by the same estimator trained on earlier rows. The
    baseline as it is where the file is not there, or a feature has that name.
    """
    if not file.is_file() or PREDICTION in baseline:
        return baseline
    texts = pl.read_csv(file, infer_schema=False)[PREDICTION]
    answers = texts if len(classes) > 2 else texts.cast(pl.Float64, strict=False)
    return {**baseline, PREDICTION: describe(answers)}
