"""Whether a model is good enough: against its bar, and against the version in prod, both with intervals.

Everything is judged on rows that the judged model was not trained on. Out-of-sample predictions of the
challenger come from a rolling origin: the latest rows are cut into blocks, and each block is predicted by
the same estimator fitted on the rows before it that a version would have learned from then: all of them, or
the latest (`window`). A few hundred rows then all count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.config import ModelConfig
from isthmus.container.metrics import encode, gain, with_interval
from isthmus.container.slices import FEWEST_ROWS, slices
from isthmus.container.tabular import row_keys
from isthmus.container.window import window
from isthmus.errors import BadInput
from isthmus.interval import Interval

if TYPE_CHECKING:
    import pandas as pd

Estimator = Any  # scikit-learn's: fit(X, y), predict(X), and predict_proba(X) where it classifies
FEWEST_NEW_ROWS = 30
# What the registry is told where there is nothing to tell: it takes no empty text.
NOTHING = "none"
# What people call a metric where it is more than its key in words.
SAID = {"auc": "AUC", "f1_macro": "macro F1", "rmse": "RMSE", "mae": "MAE", "r2": "R²"}


@dataclass(frozen=True)
class Rival:
    """The champion on these rows: what it predicts, from which row on, and why it cannot be compared."""

    model_package_arn: str
    start: int
    predicted: np.ndarray
    trouble: str = ""


@dataclass(frozen=True)
class Judgement:
    """`evaluation` is evaluation.json, `forecasts` predictions.csv: what was predicted for each judged row.

    A row goes by the key of its features and target, so that another version's forecast of it is found.
    `champion` is what the version in prod predicts for the same rows; empty where it was not compared.
    """

    evaluation: dict[str, Any]
    start: int
    predicted: np.ndarray
    forecasts: pd.DataFrame
    champion: np.ndarray


def first_judged_row(rows: int, config: ModelConfig) -> int:
    """Where the hold-out of so many rows starts: the latest share of them."""
    return max(1, rows - max(1, round(rows * config.evaluation.holdout)))


def blocks(rows: int, start: int, folds: int) -> list[tuple[int, int]]:
    """`folds` consecutive blocks of the rows from `start` on, none of them empty."""
    edges = np.linspace(start, rows, min(folds, rows - start) + 1).astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def training_rows(frame: pd.DataFrame, config: ModelConfig) -> slice:
    """Which rows the registered model is trained on; those after them test it in staging.

    All before the last block of the hold-out, or of these the latest, where model.yaml has a window.
    """
    begin = window(frame, config, len(frame)).start
    return window(frame, config, begin + _before_last_block(len(frame) - begin, config))


def trained_rows(rows: int, config: ModelConfig) -> int:
    """How many of so many rows the registered model is trained on, for steps that know no window.

    Raises `BadInput` where model.yaml has one: such a model would not be the one that is judged.
    """
    if config.data.window:
        raise BadInput(
            "steps/train.py learns from all rows, and model.yaml has a window",
            where="model.yaml, data.window",
            todo="fit on isthmus.container.evaluation.training_rows(rows, config)",
        )
    return _before_last_block(rows, config)


def _before_last_block(rows: int, config: ModelConfig) -> int:
    return blocks(rows, first_judged_row(rows, config), config.evaluation.folds)[-1][0]


def predictions(estimator: Estimator, features: pd.DataFrame, problem: str) -> np.ndarray:
    """One prediction a row: the positive class's probability (binary), the class, or the value."""
    if problem == "binary":
        return np.asarray(estimator.predict_proba(features))[:, 1]
    return np.asarray(estimator.predict(features))


def rolling(
    make: Callable[[], Estimator], frame: pd.DataFrame, config: ModelConfig, start: int
) -> np.ndarray:
    """Out-of-sample predictions for the rows from `start` on."""
    features, target = frame[config.features], frame[config.target]
    found = []
    for begin, end in blocks(len(frame), start, config.evaluation.folds):
        seen = window(frame, config, begin)
        if config.problem != "regression" and target[seen].nunique() < 2:
            raise BadInput(
                f"the {begin - seen.start} rows before row {begin + 1} have one class only "
                f"({target.iloc[seen.start]}), so nothing can be learned",
                where="model.yaml, evaluation.holdout",
                todo="give more data, or hold out a smaller share of it",
            )
        found.append(
            predictions(make().fit(features[seen], target[seen]), features[begin:end], config.problem)
        )
    return np.concatenate(found)


def judge(
    config: ModelConfig,
    make: Callable[[], Estimator],
    frame: pd.DataFrame,
    champion: Callable[[int], Rival | None],
) -> Judgement:
    """Judge the estimator that `make` makes on `frame`, oldest rows first, and against the champion.

    `champion` says what the version in prod predicts for the rows from a start on that it was not trained
    on; it may move the start to later rows.
    """
    rule = config.evaluation
    begin = window(frame, config, len(frame)).start
    usual = begin + first_judged_row(len(frame) - begin, config)
    rival = champion(usual)
    start = rival.start if rival and not rival.trouble else usual
    challenger = rolling(make, frame, config, start)
    classes = sorted(frame[config.target].unique().tolist()) if config.problem != "regression" else []
    truth = encode(frame[config.target].to_numpy()[start:], classes)
    value = with_interval(rule.metric, truth, challenger, rule.confidence)
    compared, better = _against(config, rival, truth, challenger)
    sign = 1 if rule.higher_is_better else -1
    meets = bool(sign * value.value >= sign * rule.threshold)
    beats = better is None or bool(better.ci_low > 0 if rule.challenger == "beat" else better.ci_high >= 0)
    parts, small = slices(
        frame[start:],
        [one for one in dict.fromkeys([*config.facets, *config.features]) if one in frame],
        rule.metric,
        truth,
        challenger,
        rule.confidence,
    )
    evaluation = {
        "metric": rule.metric,
        **asdict(value),
        "n": len(truth),
        "threshold": rule.threshold,
        "higher_is_better": rule.higher_is_better,
        "meets_threshold": meets,
        "champion": compared,
        "gain": asdict(better) if better else None,
        "beats_champion": beats,
        "verdict": _verdict(config, value, meets, better, beats, rival),
        "rows": len(frame),
        "first_judged_row": start,
        "classes": classes,
        "features": config.features,
        "facets": config.facets,
        "target": config.target,
        "confidence": rule.confidence,
        "slices": parts,
        "small_groups": small,
        "fewest_rows": FEWEST_ROWS,
        "compute": config.compute.model_dump(include={"instance_type", "instance_count"}),
        "registry": _registry(rule.metric, value, rule.threshold, len(truth)) | _comparison(compared, better),
    }
    before = rival.predicted if rival and not rival.trouble else np.empty(0)
    forecasts = _forecasts(frame[start:], config, challenger)
    return Judgement(evaluation, start, challenger, forecasts, before)


def _forecasts(judged: pd.DataFrame, config: ModelConfig, predicted: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    keys = row_keys(judged, [*config.features, config.target])
    return pd.DataFrame({"row": [f"{key:016x}" for key in keys], "prediction": predicted})


def _against(
    config: ModelConfig, rival: Rival | None, truth: np.ndarray, challenger: np.ndarray
) -> tuple[dict[str, Any] | None, Interval | None]:
    if rival is None:
        return None, None
    if rival.trouble:
        return {"model_package_arn": rival.model_package_arn, "trouble": rival.trouble}, None
    rule = config.evaluation
    value = asdict(with_interval(rule.metric, truth, rival.predicted, rule.confidence))
    return (
        {"model_package_arn": rival.model_package_arn, **value},
        gain(rule.metric, truth, rival.predicted, challenger, rule.confidence),
    )


def _registry(metric: str, value: Interval, threshold: float, rows: int) -> dict[str, str]:
    """The figures as texts, because the registry's metadata takes nothing else."""
    figures = {"value": value.value, "ci_low": value.ci_low, "ci_high": value.ci_high}
    shown = {name: f"{figure:.12g}" for name, figure in figures.items()}
    return {"metric": metric, **shown, "threshold": f"{threshold:.12g}", "n": str(rows)}


def _comparison(champion: Mapping[str, Any] | None, better: Interval | None) -> dict[str, str]:
    """The gain over the champion for the registry; each is NOTHING where nothing was compared."""
    if champion is None or better is None:
        return dict.fromkeys(("champion", "gain", "gain_low", "gain_high"), NOTHING)
    figures = {"gain": better.value, "gain_low": better.ci_low, "gain_high": better.ci_high}
    shown = {name: f"{figure:.12g}" for name, figure in figures.items()}
    return {"champion": champion["model_package_arn"], **shown}


def _verdict(
    config: ModelConfig,
    value: Interval,
    meets: bool,
    better: Interval | None,
    beats: bool,
    rival: Rival | None,
) -> str:
    name = SAID.get(config.evaluation.metric, config.evaluation.metric.replace("_", " "))
    bar, higher = config.evaluation.threshold, config.evaluation.higher_is_better
    digits = _digits(value.value, bar)
    least = f"{bar:.{digits}f}" if round(bar, digits) == bar else f"{bar:g}"
    if not meets:
        # A model that is in prod and now misses its bar has often learned from rows that are true no more.
        aged = rival and config.data.time and not config.data.window
        hint = "; it learned from all rows, the oldest too: data.window takes the latest" if aged else ""
        return f"not registered: {name} {value.value:.{digits}f} {'<' if higher else '>'} {least}{hint}"
    passed = f"{name} {value.value:.{digits}f} {'≥' if higher else '≤'} {least}"
    if rival and rival.trouble:
        return f"{passed}, not compared with the champion: {rival.trouble}"
    if better is None:
        return passed
    span = f"gain {better:.3g} over the champion"
    if not beats:
        return f"not registered: {span} is {'a loss' if better.ci_high < 0 else 'within chance'}"
    return f"{passed}, {span}"


def _digits(value: float, bar: float) -> int:
    """Two digits, or as many more as it takes to tell the value from the bar."""
    return next((digits for digits in range(2, 6) if f"{value:.{digits}f}" != f"{bar:.{digits}f}"), 2)
