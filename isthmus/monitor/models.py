"""The deployed model itself, asked for explanations beside its endpoint, and rows as it takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.errors import BadInput
from isthmus.monitor.explanations import Predict, explain
from isthmus.monitor.facets import HOLDOUT
from isthmus.monitor.findings import Explained

if TYPE_CHECKING:
    import pandas as pd


def load(folder: Path) -> Predict:
    """The model in `folder` (model.tar.gz) as a function of rows."""
    from isthmus.container.archive import unpack
    from isthmus.container.artifact import inference

    unpack(folder / "model.tar.gz", folder)
    code = inference(folder)
    model = code.model_fn(folder)
    return lambda rows: code.predict_fn(rows, model)


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
    import pandas as pd

    now = frame([[np.nan if value is None else value for value in row] for row in sample], kinds)
    try:
        texts = {name: object for name in kinds if kinds[name] == "text"}
        held = pd.read_csv(evaluation / HOLDOUT, dtype=texts)
        chosen = held[list(kinds)].iloc[np.linspace(0, len(held) - 1, min(rows, len(held))).astype(int)]
    except (FileNotFoundError, KeyError):
        raise BadInput(
            "explanations need rows of training",
            where=HOLDOUT,
            todo="steps/evaluate.py leaves it beside evaluation.json",
        ) from None
    return explain(load(model), frame(chosen.to_numpy(object).tolist(), kinds), now, threshold)


def frame(rows: list[list[Any]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """Rows with the types that requests have (see `isthmus.container.payload.read`)."""
    import pandas as pd

    types = {name: float if kind == "number" else object for name, kind in kinds.items()}
    return pd.DataFrame(rows, columns=list(kinds)).astype(types)
