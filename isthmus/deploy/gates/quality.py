"""Quality: on rows that the version has not seen, the endpoint predicts as training did, and well enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isthmus.container.metrics import with_interval
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.monitor.quality import typed

# What rounding to text and back, and another processor, may change.
CLOSE = 1e-6


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    rows, evaluation = endpoint.holdout, endpoint.evaluation
    served = endpoint.predict(rows)
    labels = [str(one) for one in rows[evaluation["target"]]]
    trained = [str(one) for one in rows["prediction"]]
    return [
        as_in_training(trained, served, evaluation["classes"]),
        good_enough(labels, served, evaluation),
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


def good_enough(labels: Sequence[str], served: Sequence[str], evaluation: dict[str, Any]) -> Finding:
    """Worse than the registered interval, beyond the interval here, is a failure; few rows make it wide."""
    truth, predicted = typed(list(zip(labels, served, strict=True)), evaluation["classes"])
    here = with_interval(evaluation["metric"], truth, predicted, evaluation["confidence"])
    if evaluation["higher_is_better"]:
        passed = here.ci_high >= evaluation["ci_low"]
    else:
        passed = here.ci_low <= evaluation["ci_high"]
    message = (
        f"{evaluation['metric']} {here.value:.3f} [{here.ci_low:.3f}, {here.ci_high:.3f}] "
        f"on {len(truth)} held-out rows; registered {evaluation['value']:.3f} "
        f"[{evaluation['ci_low']:.3f}, {evaluation['ci_high']:.3f}]"
    )
    return Finding("as good as registered", bool(passed), message)
