"""Quality: on rows that the version has not seen, the endpoint predicts as training did, and well enough.

Well enough is: up to the bar, and no worse than the version in prod, each beyond what chance explains. What
was registered judges nothing here: that figure is of all judged rows, and these, the latest, may be harder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isthmus import interval
from isthmus.counting import counted
from isthmus.deploy.gates.champion import against_champion
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.deploy.gates.held_out import Judged, judged
from isthmus.deploy.gates.plots import Plot, reliability, scatter

# What rounding to text and back, and another processor, may change.
CLOSE = 1e-6


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    rows, evaluation = endpoint.holdout, endpoint.evaluation
    labels = [str(one) for one in rows[evaluation["target"]]]
    found = judged(labels, endpoint.served, evaluation)
    return [
        as_in_training([str(one) for one in rows["prediction"]], endpoint.served, evaluation["classes"]),
        reaches_the_bar(found),
        *against_champion(endpoint, found),
    ]


def as_in_training(trained: Sequence[str], served: Sequence[str], classes: Sequence[Any]) -> Finding:
    """The same artifact must predict the same behind the endpoint: probabilities, values or classes."""
    name = "predicts as in training"
    if len(classes) in (0, 2):
        before, now = np.asarray(trained, dtype=float), np.asarray(served, dtype=float)
        apart = float(np.max(np.abs(before - now) / np.maximum(1.0, np.abs(before))))
        return Finding(name, apart < CLOSE, f"largest difference {apart:.1e} on {len(served)} rows")
    differing = sum(one != other for one, other in zip(trained, served, strict=True))
    return Finding(name, differing == 0, f"{differing} of {len(served)} differ")


def reaches_the_bar(found: Judged) -> Finding:
    """The bar of model.yaml, on these rows; beside it, to be read, what was registered."""
    said, here = found.evaluation, found.interval()
    bar, side = said["threshold"], "at least" if found.higher_is_better else "at most"
    rows = counted(len(found.truth), "held-out row")
    message = f"{found.metric} {here} on {rows}, {side} {bar:g}; registered {interval.read(said)}"
    return Finding("reaches the bar", found.reaches(here, bar), message, _predictions(found))


def _predictions(found: Judged) -> Plot | None:
    if found.problem == "binary":
        return reliability(found.truth.tolist(), found.predicted.tolist(), "this version")
    if found.problem == "regression":
        return scatter(found.truth.tolist(), found.predicted.tolist())
    return None
