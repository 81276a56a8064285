"""The estimator: what a team changes first. Everything in it is fitted on training rows only."""

from __future__ import annotations

from typing import Any

from isthmus.config import ModelConfig
from isthmus.errors import BadInput, did_you_mean
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def make_estimator(config: ModelConfig) -> Pipeline:
    """The estimator that `hyperparameters.estimator` names (`linear`, else `boosting`), not yet fitted.

    Texts become one column per common category, missing numbers the median beside a mark that they were
    missing; categories that training has not seen are nobody's.
    """
    settings = dict(config.hyperparameters)
    name = str(settings.pop("estimator", "boosting"))
    if name not in MAKERS:
        raise BadInput(
            f"there is no estimator {name!r}{did_you_mean(name, MAKERS)}",
            where="model.yaml, hyperparameters.estimator",
            todo=f"estimators: {', '.join(MAKERS)}",
        )
    estimator = MAKERS[name](config.problem == "regression")
    _require_known(settings, estimator)
    texts = make_column_selector(dtype_exclude="number")
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", max_categories=50, sparse_output=False), texts),
            remainder=make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
                StandardScaler(),
            ),
        ),
        estimator.set_params(**settings),
    )


def _linear(regression: bool) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    return Ridge() if regression else LogisticRegression(max_iter=1000)


def _boosting(regression: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind: Any = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return kind(random_state=0, early_stopping=False)


MAKERS = {"linear": _linear, "boosting": _boosting}


def _require_known(settings: dict[str, Any], estimator: Any) -> None:
    known = estimator.get_params()
    for name in settings.keys() - known:
        raise BadInput(
            f"{type(estimator).__name__} has no parameter {name!r}{did_you_mean(name, known)}",
            where=f"model.yaml, hyperparameters.{name}",
            todo=f"parameters: {', '.join(known)}",
        )
