"""The estimator: what a team changes first. Everything in it is fitted on training rows only."""

from __future__ import annotations

from typing import Any

from isthmus.config import ModelConfig
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
    make = {"linear": _linear, "boosting": _boosting}[str(settings.pop("estimator", "boosting"))]
    texts = make_column_selector(dtype_exclude="number")
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", max_categories=50, sparse_output=False), texts),
            remainder=make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
                StandardScaler(),
            ),
        ),
        make(config.problem == "regression", settings),
    )


def _linear(regression: bool, settings: dict[str, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    return Ridge(**settings) if regression else LogisticRegression(**{"max_iter": 1000, **settings})


def _boosting(regression: bool, settings: dict[str, Any]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind: Any = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return kind(random_state=0, early_stopping=False, **settings)
