"""Requests to a model as data frames, and its answers as text; each mistake is named by row and column.

CSV with a header names its columns in any order; without one the columns are the model's features in order.
JSON is a list of objects, or `{"instances": [..]}`.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


def read(
    body: bytes, content_type: str, features: Mapping[str, str], missing: Collection[str] = ()
) -> pd.DataFrame:
    """The rows of a request as a frame with exactly the columns `features`, in that order.

    Raises `BadInput` as `read_rows` does.
    """
    import pandas as pd

    types = {name: float if kind == "number" else object for name, kind in features.items()}
    # Missing is what pandas reads from an empty cell, in training as here: encoders tell it from None.
    rows = [
        [math.nan if value is None else value for value in row]
        for row in read_rows(body, content_type, features, missing)
    ]
    return pd.DataFrame(rows, columns=list(features)).astype(types)


def read_rows(
    body: bytes, content_type: str, features: Mapping[str, str], missing: Collection[str] = ()
) -> list[list[Any]]:
    """The rows of a request, each with one value a feature, in the order of `features`.

    `features` maps a column to `number` or `text`. Empty cells, and texts in `missing`, are
    missing values, as they were in training.
    Raises `BadInput` for a body that is empty, not of its type, has other columns than the model, or text in
    a column of numbers.
    """
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the request is not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise BadInput("the request is empty")
    if kind in ("application/json", "application/jsonlines"):
        rows = _json_rows(text, list(features))
    elif kind in ("text/csv", "application/csv"):
        rows = _csv_rows(text, list(features))
    else:
        raise BadInput(f"content type {kind!r} is not served; send text/csv or application/json")
    return [
        [
            None if _is_missing(value, missing) else _typed(value, number, name, kind)
            for value, (name, kind) in zip(row, features.items(), strict=True)
        ]
        for number, row in enumerate(rows, 1)
    ]


def write(predictions: list[Any], accept: str) -> tuple[str, str]:
    """Predictions as text in the accepted type, and that type."""
    plain = [value.item() if hasattr(value, "item") else value for value in predictions]
    if "json" in accept:
        return json.dumps({"predictions": plain}), "application/json"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([value] for value in plain)
    return text.getvalue(), "text/csv"


def read_predictions(text: str, content_type: str) -> list[str]:
    """The predictions in an answer that `write` wrote, as text; raises `BadInput` where it is none."""
    if "json" not in content_type:
        return [row[0].strip() for row in csv.reader(io.StringIO(text)) if row and row[0].strip()]
    try:
        return [str(one) for one in json.loads(text)["predictions"]]
    except (ValueError, KeyError, TypeError):
        raise BadInput("the answer is no JSON with predictions") from None


def _json_rows(text: str, features: Sequence[str]) -> list[list[Any]]:
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BadInput(f"the request is not JSON: {error}") from None
    instances = found.get("instances") if isinstance(found, dict) and "instances" in found else found
    if isinstance(instances, dict):
        instances = [instances]
    if not isinstance(instances, list) or not instances:
        raise BadInput('the request has no rows; send a list of objects, or {"instances": [...]}')
    return [_json_row(number, row, features) for number, row in enumerate(instances, 1)]


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value; leave the cell out or send null")


def _json_row(number: int, row: Any, features: Sequence[str]) -> list[Any]:
    if isinstance(row, list):
        return _positional(number, row, features)
    if not isinstance(row, dict):
        raise BadInput(f"row {number} is neither an object nor a list")
    _check_columns(list(row), features)
    return [row[feature] for feature in features]


def _csv_rows(text: str, features: Sequence[str]) -> list[list[Any]]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    header = [cell.strip() for cell in rows[0]]
    if set(header) & set(features):
        _check_columns(header, features)
        order = [header.index(feature) for feature in features]
        rows = rows[1:]
        _check_lengths(rows, len(header))
        rows = [[row[place] for place in order] for row in rows]
    else:
        rows = [_positional(number, row, features) for number, row in enumerate(rows, 1)]
    if not rows:
        raise BadInput("the request has a header and no rows")
    return rows


def _is_missing(value: Any, missing: Collection[str]) -> bool:
    return value is None or (isinstance(value, str) and (not value.strip() or value.strip() in missing))


def _typed(value: Any, row: int, column: str, kind: str) -> Any:
    if kind == "text":
        return str(value)
    if isinstance(value, dict | list):
        raise BadInput(f"row {row}, column {column!r}: a number is needed, not {type(value).__name__}")
    try:
        number = _TRUTHS[value.strip().lower()] if _is_truth(value) else float(value)
    except (ValueError, TypeError):
        raise BadInput(f"row {row}, column {column!r}: {str(value)[:40]!r} is not a number") from None
    if not math.isfinite(number):
        raise BadInput(f"row {row}, column {column!r}: {value!r} is not a finite number; leave it empty")
    return number


_TRUTHS = {"true": 1.0, "false": 0.0}


def _is_truth(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in _TRUTHS


def _check_lengths(rows: list[list[str]], length: int) -> None:
    for number, row in enumerate(rows, 1):
        if len(row) != length:
            raise BadInput(f"row {number} has {len(row)} cells, the header has {length}")


def _positional(number: int, row: list[Any], features: Sequence[str]) -> list[Any]:
    if len(row) != len(features):
        raise BadInput(
            f"row {number} has {len(row)} cells; the model takes {len(features)}: {', '.join(features)}"
        )
    return row


def _check_columns(found: list[str], features: Sequence[str]) -> None:
    missing = [feature for feature in features if feature not in found]
    extra = [column for column in found if column not in features]
    if missing:
        raise BadInput(f"missing column {missing[0]!r}; the model takes: {', '.join(features)}")
    if extra:
        raise BadInput(f"unknown column {extra[0]!r}; the model takes: {', '.join(features)}")
