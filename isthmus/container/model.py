"""The model that an artifact holds, loaded by its own code: rows in, one prediction a row out.

The code is `code/serving/inference.py` beside the artifact: `features(folder)` names the columns and their
kind, `model_fn(folder)` loads the model, and `predict_fn(frame, model)` takes a data frame of the feature
columns and returns one value a row. It raises `ValueError` for rows that the model cannot take. How
requests reach it is `batches`' and `application`'s.
"""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.container import payload
from isthmus.container.artifact import example, inference, label, missing_marks
from isthmus.container.cells import are_finite
from isthmus.container.payload import Columns
from isthmus.container.script import place
from isthmus.counting import counted
from isthmus.errors import BadInput, Problem


class ModelFailed(Exception):
    """The model failed on rows that it should have taken."""


@dataclass(frozen=True)
class Model:
    """A loaded model; `features` maps a column to `number` or `text`, `target` is what it predicts.

    `example` is a row that the model was trained on, if the artifact has one.
    """

    features: Mapping[str, str]
    missing: frozenset[str]
    target: str
    predict_fn: Callable[[Any], Any]
    example: Mapping[str, Any] = field(default_factory=dict)

    def read(self, body: bytes, content_type: str) -> Columns:
        """The columns of a request; raises `BadInput` as `payload.read_columns` does."""
        return payload.read_columns(body, content_type, self.features, self.missing, self.target)

    def predict(self, columns: Columns, first: int = 0) -> list[Any]:
        """One plain value a row; `first` is the place in its request of the first of them.

        Raises `BadInput` with the model's words for rows that it cannot take, and `ModelFailed` where it
        breaks or does not give a value for each row; the trace is in the log.
        """
        rows = len(next(iter(columns.values())))
        try:
            predicted = self.predict_fn(payload.frame(columns, self.features))
            plain = payload.values(predicted)
        except Exception as error:  # noqa: BLE001  a model may raise anything
            if isinstance(error, ValueError) and self._are_at_fault(columns):
                words = (str(error).strip() or "no reason given").splitlines()[0][:300]
                raise BadInput(f"the model does not take these rows: {words}") from None
            traceback.print_exc()
            raise ModelFailed(f"the model failed: {type(error).__name__}; its log has more") from None
        if len(plain) != rows:
            raise ModelFailed(
                f"the model gave {counted(len(plain), 'prediction')} for {counted(rows, 'row')}"
            )
        if not are_finite([value for value in plain if isinstance(value, float)]):
            row, value = next(
                (row, one)
                for row, one in enumerate(plain, first + 1)
                if isinstance(one, float) and not math.isfinite(one)
            )
            raise ModelFailed(f"the model predicts {value} for row {row}")
        return plain

    def _are_at_fault(self, columns: Columns) -> bool:
        """Whether it is for these rows that the model raised a `ValueError`, and it takes others."""
        if not self.example:
            return any(cell is None for column in columns.values() for cell in column)
        row = {name: [self.example.get(name)] for name in self.features}
        try:
            self.predict_fn(payload.frame(row, self.features))
        except Exception:  # noqa: BLE001  whatever it is, it is not for the rows of the request
            return False
        return True


def load(folder: Path) -> Model:
    """The model of the artifact in `folder`; raises `Problem` that names what is wrong with it in a line."""
    try:
        code = inference(folder)
        features = {str(name): str(kind) for name, kind in code.features(folder).items()}
        loaded = code.model_fn(folder)
        missing, target, known = frozenset(missing_marks(folder)), label(folder), example(folder)
    except Problem:
        raise
    except (Exception, SystemExit) as error:
        words = " ".join(str(error).split())[:300]
        found = f"{type(error).__name__}: {words}{place(error, folder)}"
        raise Problem(
            f"the model in {folder} cannot be loaded: {found}", todo="build the version again"
        ) from error
    if not features:
        raise Problem(f"the model in {folder} names no features")
    sys.stdout.flush()
    return Model(features, missing, target, lambda frame: code.predict_fn(frame, loaded), known)
