"""A model artifact: the model that a team's train step saved, the code that serves it, and what it was
trained on.

    model.joblib, ...        the team's own
    metadata.json            features and their kinds, rows, and a fingerprint of the rows
    code/                    model.yaml, serving/, steps/
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.config import ModelConfig
from isthmus.container.tabular import fingerprint, kinds
from isthmus.errors import Problem

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd

CODE = ("model.yaml", "serving", "steps")


@dataclass(frozen=True)
class Metadata:
    """What a model was trained on: `trained_rows` of the `rows` that there were, the oldest ones, or of these
    the latest.

    `features` maps a column to `number` or `text`; `fingerprint` is that of `columns` in all `rows`;
    `missing` is what stood for no value, beside an empty cell; `example` is a row that the model must take.
    """

    features: dict[str, str]
    target: str
    problem: str
    rows: int
    trained_rows: int
    columns: list[str]
    fingerprint: str
    missing: list[str]
    example: dict[str, Any] = field(default_factory=dict)


def complete(folder: Path, config: ModelConfig, frame: pd.DataFrame, trained: int) -> None:
    """Add metadata.json and the code to a saved model; run in the folder that holds the code."""
    time = [config.data.time] if config.data.time else []
    columns = list(dict.fromkeys([*time, *config.features, config.target]))
    metadata = Metadata(
        features=kinds(frame, config.features),
        target=config.target,
        problem=config.problem,
        rows=len(frame),
        trained_rows=trained,
        columns=columns,
        fingerprint=fingerprint(frame, columns),
        missing=config.data.missing,
        example=_example(frame[config.features][:trained]),
    )
    (folder / "metadata.json").write_text(json.dumps(asdict(metadata), indent=1))
    for name in CODE:
        source, target = Path(name), folder / "code" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def _example(rows: pd.DataFrame) -> dict[str, Any]:
    """A row that training knew, one that lacks nothing where there is one."""
    whole = rows.dropna()
    row = (rows if whole.empty else whole).iloc[0]
    found: dict[str, Any] = json.loads(row.to_json())
    return found


def read_metadata(folder: Path) -> Metadata:
    file = folder / "metadata.json"
    if not file.is_file():
        raise Problem(
            "the model has no metadata.json",
            where="steps/train.py",
            todo="call isthmus.container.artifact.complete after the model is saved",
        )
    return Metadata(**json.loads(file.read_text()))


def missing_marks(folder: Path) -> list[str]:
    """What stands for no value in the model's requests; an artifact without the key knows none."""
    found: list[str] = _stated(folder).get("missing", [])
    return found


def label(folder: Path) -> str:
    """What the model predicts; nothing where the artifact does not say."""
    found: str = _stated(folder).get("target", "")
    return found


def example(folder: Path) -> dict[str, Any]:
    """A row that the model must take; nothing where the artifact has none."""
    found: dict[str, Any] = _stated(folder).get("example", {})
    return found


def _stated(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "metadata.json").read_text())
    except ValueError as error:
        raise Problem(f"the model's metadata.json is not JSON: {error}", where=str(folder)) from None
    return found


def inference(folder: Path) -> ModuleType:
    """The artifact's own `code/serving/inference.py`, imported with its code first on the module path."""
    code = folder / "code"
    if not (code / "serving" / "inference.py").is_file():
        raise Problem("the model has no code/serving/inference.py", where=str(folder))
    sys.path.insert(0, str(code))
    from importlib import import_module

    module = import_module("serving.inference")
    for name in ("features", "model_fn", "predict_fn"):
        if not hasattr(module, name):
            raise Problem(f"there is no function {name}", where=f"{code}/serving/inference.py")
    return module
