"""How good a model is and how sure that is: metrics with bootstrap intervals, champion against challenger.

Everything is judged on rows that the judged model was not trained on. Out-of-sample predictions of the
challenger come from a rolling origin: the rows to judge are cut into blocks, and each block is predicted by
the same estimator fitted on all rows before it. A few hundred rows then all count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.config import ModelConfig

if TYPE_CHECKING:
    import pandas as pd

Estimator = Any  # scikit-learn's: fit(X, y), predict(X), and predict_proba(X) where it classifies
RESAMPLES = 1000
FEWEST_NEW_ROWS = 30


@dataclass(frozen=True)
class Interval:
    """A value and its bootstrap percentile interval."""

    value: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Champion:
    """The version to beat: its estimator, and how many of the oldest rows it has seen."""

    model_package_arn: str
    estimator: Estimator
    rows: int


def blocks(rows: int, start: int, folds: int) -> list[tuple[int, int]]:
    """`folds` consecutive blocks of the rows from `start` on, none of them empty."""
    edges = np.linspace(start, rows, min(folds, rows - start) + 1).astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def first_judged_row(rows: int, config: ModelConfig, champion: Champion | None) -> int:
    """Where judging starts: at the first row new to the champion if enough are, else at the hold-out."""
    usual = max(1, rows - max(1, round(rows * config.evaluation.holdout)))
    if champion is not None and rows - champion.rows >= FEWEST_NEW_ROWS:
        return champion.rows
    return usual


def last_block(rows: int, config: ModelConfig, champion: Champion | None) -> int:
    """The first row of the last block, which the registered model is not trained on."""
    return blocks(rows, first_judged_row(rows, config, champion), config.evaluation.folds)[-1][0]


def predictions(estimator: Estimator, features: pd.DataFrame, problem: str) -> np.ndarray:
    """One prediction a row: the positive class's probability (binary), the class, or the value."""
    if problem == "binary":
        return np.asarray(estimator.predict_proba(features))[:, 1]
    return np.asarray(estimator.predict(features))


def rolling(
    make: Callable[[], Estimator], frame: pd.DataFrame, config: ModelConfig, start: int
) -> np.ndarray:
    """Out-of-sample predictions for the rows from `start` on."""
    found = []
    for begin, end in blocks(len(frame), start, config.evaluation.folds):
        fitted = make().fit(frame[config.features][:begin], frame[config.target][:begin])
        found.append(predictions(fitted, frame[config.features][begin:end], config.problem))
    return np.concatenate(found)


def measure(metric: str, truth: np.ndarray, predicted: np.ndarray) -> float:
    """The metric's value; `truth` is 0/1 for a binary problem. Not a number where it has no meaning."""
    from sklearn import metrics

    if metric == "log_loss":
        sure = np.clip(np.where(truth == 1, predicted, 1 - predicted), 1e-6, 1.0)
        return float(-np.mean(np.log(sure)))
    if metric == "auc":
        return float(metrics.roc_auc_score(truth, predicted)) if 0 < truth.mean() < 1 else float("nan")
    if metric == "rmse":
        return float(np.sqrt(np.mean((truth - predicted) ** 2)))
    if metric == "mae":
        return float(np.mean(np.abs(truth - predicted)))
    if metric == "r2":
        return float(metrics.r2_score(truth, predicted))
    labels = predicted if truth.dtype.kind in "OUS" or predicted.dtype.kind != "f" else predicted >= 0.5
    if metric == "accuracy":
        return float(np.mean(truth == labels))
    return float(metrics.f1_score(truth, labels, average="macro"))


def with_interval(metric: str, truth: np.ndarray, predicted: np.ndarray, confidence: float) -> Interval:
    """The metric on these rows with its bootstrap interval at `confidence` (0.95)."""
    drawn = [measure(metric, truth[rows], predicted[rows]) for rows in _resamples(len(truth))]
    return _interval(measure(metric, truth, predicted), drawn, confidence)


def gain(config: ModelConfig, truth: np.ndarray, champion: np.ndarray, challenger: np.ndarray) -> Interval:
    """How much better the challenger is on the same rows (positive is better), by a paired bootstrap."""
    metric = config.evaluation.metric
    sign = 1 if config.evaluation.higher_is_better else -1

    def better(rows: Any) -> float:
        return sign * (
            measure(metric, truth[rows], challenger[rows]) - measure(metric, truth[rows], champion[rows])
        )

    drawn = [better(rows) for rows in _resamples(len(truth))]
    return _interval(better(slice(None)), drawn, config.evaluation.confidence)


def _resamples(rows: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, rows, (RESAMPLES, rows))


def _interval(value: float, drawn: list[float], confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def encode(target: np.ndarray, classes: list[Any]) -> np.ndarray:
    """The target as the metrics want it: 1 for the positive (second) class of a binary problem."""
    return (target == classes[1]).astype(int) if len(classes) == 2 else target


def judge(
    config: ModelConfig, make: Callable[[], Estimator], frame: pd.DataFrame, champion: Champion | None
) -> dict[str, Any]:
    """The evaluation as a JSON-able mapping: what the pipeline's conditions and the registry read."""
    start = first_judged_row(len(frame), config, champion)
    judged = frame[start:]
    classes = sorted(frame[config.target].unique().tolist()) if config.problem != "regression" else []
    truth = encode(judged[config.target].to_numpy(), classes)
    challenger = rolling(make, frame, config, start)
    value = with_interval(config.evaluation.metric, truth, challenger, config.evaluation.confidence)
    compared, better = _against(config, champion, judged, truth, challenger)
    sign = 1 if config.evaluation.higher_is_better else -1
    meets = sign * value.value >= sign * config.evaluation.threshold
    beats = better is None or (
        better.ci_low > 0 if config.evaluation.challenger == "beat" else better.ci_high >= 0
    )
    return {
        "metric": config.evaluation.metric,
        **asdict(value),
        "n": len(judged),
        "threshold": config.evaluation.threshold,
        "higher_is_better": config.evaluation.higher_is_better,
        "meets_threshold": bool(meets),
        "champion": compared,
        "gain": asdict(better) if better else None,
        "beats_champion": bool(beats),
        "verdict": _verdict(config, value, meets, better, beats),
        "rows": len(frame),
        "classes": classes,
        "features": config.features,
        "target": config.target,
        "confidence": config.evaluation.confidence,
    }


def _against(
    config: ModelConfig,
    champion: Champion | None,
    judged: pd.DataFrame,
    truth: np.ndarray,
    challenger: np.ndarray,
) -> tuple[dict[str, Any] | None, Interval | None]:
    if champion is None:
        return None, None
    old = predictions(champion.estimator, judged[config.features], config.problem)
    value = asdict(with_interval(config.evaluation.metric, truth, old, config.evaluation.confidence))
    return {"model_package_arn": champion.model_package_arn, **value}, gain(config, truth, old, challenger)


def _verdict(config: ModelConfig, value: Interval, meets: bool, better: Interval | None, beats: bool) -> str:
    name = {"auc": "AUC", "rmse": "RMSE", "mae": "MAE", "r2": "R²"}.get(
        config.evaluation.metric, config.evaluation.metric.replace("_", " ")
    )
    bar, higher = config.evaluation.threshold, config.evaluation.higher_is_better
    if not meets:
        return f"not registered: {name} {value.value:.2f} {'<' if higher else '>'} {bar:g}"
    passed = f"{name} {value.value:.3f} {'≥' if higher else '≤'} {bar:g}"
    if better is None:
        return passed
    span = f"gain {better.value:.3f} [{better.ci_low:.3f}, {better.ci_high:.3f}] over the champion"
    if not beats:
        return f"not registered: {span} is inside noise"
    return f"{passed}, {span}"
