"""Quality: on rows that the version has not seen, the endpoint predicts as training did, and well enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.container.metrics import encode, with_interval
from isthmus.deploy.gates.gate import Finding, LiveEndpoint

if TYPE_CHECKING:
    import pandas as pd


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    rows, evaluation = endpoint.holdout, endpoint.evaluation
    answer = endpoint.invoke(endpoint.csv(rows))
    predicted = answer.text.split()
    if answer.status != 200 or len(predicted) != len(rows):
        return [Finding("answers all held-out rows", False, f"{answer.status} {answer.text[:200]}")]
    return [_as_in_training(rows["prediction"], predicted), _good_enough(rows, predicted, evaluation)]


def _as_in_training(trained: pd.Series[Any], served: list[str]) -> Finding:
    """The same artifact must predict the same behind the endpoint."""
    if trained.dtype.kind == "f":
        apart = float(np.max(np.abs(trained.to_numpy() - np.asarray(served, dtype=float))))
        return Finding("predicts as in training", apart < 1e-6, f"largest difference {apart:.1e}")
    differing = sum(str(one) != other for one, other in zip(trained, served, strict=True))
    return Finding("predicts as in training", differing == 0, f"{differing} of {len(served)} differ")


def _good_enough(rows: pd.DataFrame, predicted: list[str], evaluation: dict[str, Any]) -> Finding:
    """Worse than the registered interval beyond the interval here is a failure; few rows make it wide."""
    classes = evaluation["classes"]
    target = rows[evaluation["target"]].to_numpy()
    values = np.asarray(predicted, dtype=float if len(classes) in (0, 2) else target.dtype)
    truth = encode(target, classes)
    here = with_interval(evaluation["metric"], truth, values, evaluation["confidence"])
    if evaluation["higher_is_better"]:
        passed = not here.ci_high < evaluation["ci_low"]
    else:
        passed = not here.ci_low > evaluation["ci_high"]
    message = (
        f"{evaluation['metric']} {here.value:.3f} [{here.ci_low:.3f}, {here.ci_high:.3f}] "
        f"on {len(rows)} held-out rows; registered {evaluation['value']:.3f} "
        f"[{evaluation['ci_low']:.3f}, {evaluation['ci_high']:.3f}]"
    )
    return Finding("as good as registered", passed, message)
