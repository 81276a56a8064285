"""Judged rows as the bias metrics want them: who belongs to a facet, and which outcome is good.

What the metrics are is `bias`'s. In training the rows are those of `holdout.csv`, which the evaluate step
leaves: rows that the deployed model has not seen, with their labels and its answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isthmus.classes import number_of
from isthmus.config.monitoring import Bias, Facet
from isthmus.errors import BadInput
from isthmus.monitor.bias import Cells, compare, tabulate
from isthmus.monitor.findings import BiasMetric

HOLDOUT = "holdout.csv"


@dataclass(frozen=True)
class Rows:
    """Rows with a label and a prediction, as texts; `columns` are the features'."""

    columns: dict[str, list[Any]]
    labels: list[str]
    predictions: list[str]


def judged_rows(judged: pl.DataFrame, features: Sequence[str]) -> Rows:
    """What was captured and has its label, as `labels.join` has it."""
    rows = judged["row"].struct.unnest() if judged.height else pl.DataFrame(schema=features)
    columns = {name: rows[name].to_list() for name in features}
    return Rows(columns, judged["label"].to_list(), judged["prediction"].to_list())


def trained_rows(evaluation: Path, features: Sequence[str], target: str) -> Rows:
    """The hold-out of training; raises `BadInput` where it is not there or lacks a column."""
    try:
        table = pl.read_csv(evaluation / HOLDOUT, infer_schema=False)
        columns = {name: table[name].to_list() for name in features}
        return Rows(columns, table[target].to_list(), table["prediction"].to_list())
    except (FileNotFoundError, pl.exceptions.PolarsError) as error:
        raise BadInput(
            f"bias needs the rows that the model was judged on: {str(error).splitlines()[0]}",
            where=HOLDOUT,
            todo="steps/evaluate.py leaves it beside evaluation.json",
        ) from None


def biases(rule: Bias, classes: Sequence[Any], before: Rows, now: Rows, level: float) -> list[BiasMetric]:
    """Every metric of every facet, in training and now; `level` is the chance of a false finding in all."""
    for name in [*(facet.column for facet in rule.facets), *([rule.group] if rule.group else [])]:
        if name not in now.columns:
            raise BadInput(
                f"{name!r} is not among the features",
                where="deploy.yaml, monitoring.bias",
                todo=f"features: {', '.join(now.columns)}",
            )
    groups = _groups(rule, before, now)
    found = []
    for facet in rule.facets:
        was, is_ = (
            _table(rule, facet, [str(one) for one in classes], rows, groups) for rows in (before, now)
        )
        found.extend(compare(facet.column, marks(facet), was, is_, level / len(rule.facets)))
    return found


def marks(facet: Facet) -> str:
    """What makes a row belong to the facet, as Clarify's `value_or_threshold` has it."""
    if facet.above is not None:
        return f"({facet.above:g}, inf)"
    return ",".join(str(value) for value in facet.values)


def _groups(rule: Bias, *sides: Rows) -> dict[str, int]:
    if not rule.group:
        return {}
    names = sorted({_text(value) for rows in sides for value in rows.columns[rule.group]})
    return {name: number for number, name in enumerate(names)}


def _table(rule: Bias, facet: Facet, classes: list[str], rows: Rows, groups: dict[str, int]) -> Cells:
    member = [_member(facet, value) for value in rows.columns[facet.column]]
    label = [_good(rule, classes, text, told=False) for text in rows.labels]
    told = [_good(rule, classes, text, told=True) for text in rows.predictions]
    known = np.array([None not in both for both in zip(label, told, strict=True)], dtype=bool)
    group = [groups[_text(value)] for value in rows.columns[rule.group]] if rule.group else [0] * len(member)
    group_, member_, label_, told_ = (
        np.array(side, dtype=float)[known] for side in (group, member, label, told)
    )
    return tabulate(group_, member_, label_, told_)


def _member(facet: Facet, value: Any) -> bool:
    if facet.above is not None:
        return number_of(value) > facet.above
    return _text(value) in {_text(one) for one in facet.values}


def _good(rule: Bias, classes: list[str], text: str, told: bool) -> bool | None:
    """Whether an outcome is good; None where it is none of the model's."""
    if not classes:
        number = number_of(text)
        return None if math.isnan(number) or rule.above is None else number > rule.above
    if told and len(classes) == 2:
        probable = number_of(text)
        text = text if math.isnan(probable) else classes[int(probable >= 0.5)]
    wanted = {_text(one) for one in rule.positive} or {_text(classes[-1])}
    return _text(text) in wanted if _text(text) in {_text(one) for one in classes} else None


def _text(value: Any) -> str:
    """The same for `1`, `1.0` and `"1"`, which are one category."""
    number = number_of(value)
    return str(value) if math.isnan(number) else f"{number:g}"
