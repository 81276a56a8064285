"""The deployed model itself, asked for explanations beside its endpoint, and rows as it takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.container.archive import unpack
from isthmus.container.model import ModelFailed, load
from isthmus.container.payload import frame
from isthmus.errors import BadInput, Problem
from isthmus.monitor.explanations import Predict, explain
from isthmus.monitor.facets import HOLDOUT
from isthmus.monitor.findings import Explained

if TYPE_CHECKING:
    import pandas as pd


def unpacked(folder: Path) -> Predict:
    """The model in `folder` (model.tar.gz) as a function of rows; it raises `Problem` where it fails on them.

    Raises `Problem` as `isthmus.container.archive.unpack` and `isthmus.container.model.load` do.
    """
    unpack(folder / "model.tar.gz", folder)
    model = load(folder)

    def predict(rows: pd.DataFrame) -> list[Any]:
        try:
            return model.predict({str(name): cells.tolist() for name, cells in rows.items()})
        except ModelFailed as error:
            raise Problem(f"captured rows cannot be explained: {error}") from None

    return predict


def explained(
    model: Path,
    evaluation: Path,
    sample: Sequence[Sequence[Any]],
    kinds: Mapping[str, str],
    rows: int,
    threshold: float,
) -> Explained | None:
    """Explanations of captured rows, and of as many that training held out; None where nothing came."""
    if not sample:
        return None
    columns = dict(zip(kinds, map(list, zip(*sample, strict=True)), strict=True))
    before = _held_out(evaluation, kinds, rows)
    return explain(unpacked(model), before, frame(columns, kinds), threshold)


def _held_out(evaluation: Path, kinds: Mapping[str, str], most: int) -> pd.DataFrame:
    """Rows from all over those that training held out."""
    import pandas as pd

    texts = {name: object for name in kinds if kinds[name] == "text"}
    try:
        held = pd.read_csv(evaluation / HOLDOUT, dtype=texts)[list(kinds)]
    except (FileNotFoundError, KeyError):
        raise BadInput(
            "explanations need rows of training",
            where=HOLDOUT,
            todo="steps/evaluate.py leaves it beside evaluation.json",
        ) from None
    chosen = held.iloc[np.linspace(0, len(held) - 1, min(most, len(held))).astype(int)]
    return frame({name: chosen[name].tolist() for name in kinds}, kinds)
