"""How a version was registered: its features and how good it was, as its evaluation.json says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isthmus.deploy.evidence import EVALUATION
from isthmus.errors import BadInput


@dataclass(frozen=True)
class Registered:
    """`worst` is the end of the metric's interval beyond which a model is worse than registered."""

    features: tuple[str, ...]
    classes: int
    metric: str
    worst: float
    higher_is_better: bool

    @property
    def problem(self) -> Literal["Regression", "BinaryClassification", "MulticlassClassification"]:
        """As SageMaker calls it."""
        if not self.classes:
            return "Regression"
        return "BinaryClassification" if self.classes == 2 else "MulticlassClassification"


def read(folder: Path) -> Registered:
    """The version whose evidence lies in `folder`; raises `BadInput` where its evaluation says less."""
    file = folder / EVALUATION
    try:
        found = json.loads(file.read_text())
        better = bool(found["higher_is_better"])
        return Registered(
            tuple(found["features"]),
            len(found["classes"]),
            found["metric"],
            float(found["ci_low" if better else "ci_high"]),
            better,
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            "Model Monitor's alarms need the version's features and metric, and they are not there",
            where=str(file),
            todo="build the version again",
        ) from None
