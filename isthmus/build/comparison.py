"""A sample's figures beside those of the version in prod: on the same rows where both have forecast them.

The files of the version in prod are laid in a folder as `isthmus.azure.prod` finds them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from isthmus.build.sample import FORECASTS, ROWS
from isthmus.config import ModelConfig
from isthmus.container.evaluation import FEWEST_NEW_ROWS
from isthmus.container.metrics import encode, gain, with_interval
from isthmus.container.tabular import read_rows, row_keys
from isthmus.interval import Interval

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """`gain` is how much better the sample's figure is than prod's (over zero is better), with its interval.

    `rows` are those that both have forecast, and `mine` and `prods` the figures on them. Where they are too
    few, `rows` is 0, the figures are those that each was judged by, on rows of its own, and there is no gain:
    a model of a sample has seen fewer rows than prod's, and their difference says nothing of the change.
    """

    mine: Figures
    prods: Figures
    rows: int = 0
    gain: Interval | None = None


def compare(config: ModelConfig, evaluation: Figures, sample: Path, prod: Path) -> Comparison | None:
    """The sample in `sample` beside the version in `prod`; None where their metrics or targets differ."""
    other: Figures = json.loads((prod / "evaluation.json").read_text())
    if (other["metric"], other["target"]) != (evaluation["metric"], evaluation["target"]):
        return None
    pairs = _pairs(config, evaluation, other, sample, prod)
    if len(pairs) >= FEWEST_NEW_ROWS:
        return _paired(config, pairs)
    return Comparison(evaluation, other)


def _paired(config: ModelConfig, pairs: pd.DataFrame) -> Comparison:
    rule = config.evaluation
    classes = sorted(pairs["truth"].unique().tolist()) if config.problem != "regression" else []
    truth = encode(pairs["truth"].to_numpy(), classes)
    mine, prods = pairs["prediction"].to_numpy(), pairs["theirs"].to_numpy()

    def figure(predicted: np.ndarray) -> Figures:
        return asdict(with_interval(rule.metric, truth, predicted, rule.confidence))

    better = gain(rule.metric, truth, prods, mine, rule.confidence)
    return Comparison(figure(mine), figure(prods), len(pairs), better)


def _pairs(
    config: ModelConfig, evaluation: Figures, other: Figures, sample: Path, prod: Path
) -> pd.DataFrame:
    """The rows that both have forecast without having learned from them; none where that cannot be told."""
    nothing = pd.DataFrame({"truth": [], "prediction": [], "theirs": []})
    rows = read_rows(sample / ROWS, config, other["features"])
    theirs = _forecasts(prod / FORECASTS)
    mine = _forecasts(sample / FORECASTS)
    is_told = "row" in theirs and len(rows) == evaluation["rows"] and set(other["features"]) <= set(rows)
    judged = rows[evaluation["first_judged_row"] :]
    if not is_told or len(mine) != len(judged):
        return nothing
    keys = row_keys(judged, [*other["features"], other["target"]])
    mine = mine.assign(row=[f"{key:016x}" for key in keys], truth=judged[config.target].to_numpy())
    theirs = theirs[["row", "prediction"]].rename(columns={"prediction": "theirs"})
    return _numbered(mine).merge(_numbered(theirs), on=["row", "which"])


def _forecasts(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, dtype={"row": str}) if file.exists() else pd.DataFrame({"prediction": []})


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Equal rows are told apart by their order."""
    which: np.ndarray = rows.groupby("row").cumcount().to_numpy()
    return rows.assign(which=which)
