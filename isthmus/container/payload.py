"""Requests to a model as columns, and its answers as text; what cannot be read is named by row and column.

CSV with a header names its columns in any order; without one the columns are the model's features in order.
JSON is a list of objects, or `{"instances": [..]}`; JSON Lines has an object a line. A row that is a list
has the features in order. What a cell may hold is `cells`'.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isthmus.container import cells
from isthmus.counting import counted
from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, list[Any]]


def read(
    body: bytes, content_type: str, features: Mapping[str, str], missing: Collection[str] = ()
) -> pd.DataFrame:
    """The rows of a request as a frame with exactly the columns `features`, in that order.

    Raises `BadInput` as `read_columns` does.
    """
    return frame(read_columns(body, content_type, features, missing), features)


def frame(columns: Columns, features: Mapping[str, str]) -> pd.DataFrame:
    """Columns as a data frame: numbers as floats, texts as objects, as the estimator was fitted on."""
    import numpy as np
    import pandas as pd

    if set(features.values()) == {"number"}:
        # One array costs a fraction of a series a column.
        return pd.DataFrame(
            np.array([columns[name] for name in features], dtype=float).T, columns=[*features]
        )
    # Missing is what pandas reads from an empty cell, in training as here: encoders tell it from None.
    made = {
        name: pd.Series(np.array(columns[name], dtype=float), copy=False)
        if kind == "number"
        else pd.Series([np.nan if cell is None else cell for cell in columns[name]], dtype=object)
        for name, kind in features.items()
    }
    return pd.DataFrame(made, copy=False)


def read_rows(
    body: bytes, content_type: str, features: Mapping[str, str], missing: Collection[str] = ()
) -> list[list[Any]]:
    """The rows of a request, each with one value a feature, in the order of `features`.

    Raises `BadInput` as `read_columns` does.
    """
    columns = read_columns(body, content_type, features, missing)
    return [list(row) for row in zip(*columns.values(), strict=True)]


def read_columns(
    body: bytes,
    content_type: str,
    features: Mapping[str, str],
    missing: Collection[str] = (),
    target: str = "",
) -> Columns:
    """The cells of a request by column, in the order of `features`.

    `features` maps a column to `number` or `text`. Empty cells, and texts in `missing`, are None, as they
    were missing in training. `target` is the column that the model predicts: it is refused by that name.
    Raises `BadInput` for a body that is empty, not of its type, has other columns than the model, text in a
    column of numbers, or an object or a list in a cell.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in READERS:
        raise BadInput(f"content type {kind[:80]!r} is not served; send text/csv or application/json")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the request is not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise BadInput("the request is empty")
    rows = READERS[kind](text, Expected(list(features), target))
    return {
        name: cells.numbers(column, name, missing) if kind == "number" else cells.texts(column, name, missing)
        for column, (name, kind) in zip(zip(*rows, strict=True), features.items(), strict=True)
    }


def write(predictions: list[Any], accept: str) -> tuple[str, str]:
    """Predictions as text in the accepted type, and that type."""
    plain = values(predictions)
    if "json" in accept:
        return json.dumps({"predictions": plain}), "application/json"
    if set(map(type, plain)) <= {float, int}:
        return "".join([f"{value!r}\n" for value in plain]), "text/csv"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([value] for value in plain)
    return text.getvalue(), "text/csv"


def values(predictions: Any) -> list[Any]:
    """Predictions as Python's own values, whatever library they are of."""
    found = predictions.tolist() if getattr(predictions, "ndim", 0) == 1 else list(predictions)
    if set(map(type, found)) <= {float, int, str, bool}:
        return found
    return [value.item() if hasattr(value, "item") else value for value in found]


def read_predictions(text: str, content_type: str) -> list[str]:
    """The predictions in an answer that `write` wrote, as text; raises `BadInput` where it is none."""
    if "json" not in content_type:
        try:
            rows = list(csv.reader(io.StringIO(text), strict=True))
        except csv.Error as error:
            raise BadInput(f"the answer is not CSV: {error}") from None
        return [row[0].strip() for row in rows if row and row[0].strip()]
    try:
        return [str(one) for one in json.loads(text)["predictions"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput("the answer is no JSON with predictions") from None


class Expected:
    """The columns that a request must have, in order, and the one that it must not."""

    def __init__(self, features: list[str], target: str) -> None:
        self.features, self.target = features, target
        self.names = set(features)
        self.told = f"the model takes: {', '.join(features)}"

    def order(self, found: Sequence[str]) -> list[int]:
        """The place of each feature among the columns found; raises `BadInput` unless they are the same."""
        places = {name: place for place, name in enumerate(found)}
        if len(places) != len(found):
            twice = next(name for name, count in Counter(found).items() if count > 1)
            raise BadInput(f"column {twice[:80]!r} stands twice")
        self.check(places)
        return [places[feature] for feature in self.features]

    def check(self, found: Collection[str]) -> None:
        """Raise `BadInput` unless the columns found are the features, in whatever order."""
        if self.names == found or len(found) == len(self.names) == len(self.names.intersection(found)):
            return
        if self.target and self.target in found and self.target not in self.names:
            raise BadInput(f"column {self.target!r} is what the model predicts; leave it out: {self.told}")
        for feature in self.features:
            if feature not in found:
                raise BadInput(f"missing column {feature!r}; {self.told}")
        extra = next(column for column in found if column not in self.names)
        raise BadInput(f"unknown column {extra[:80]!r}; {self.told}")

    def positional(self, number: int, row: list[Any]) -> list[Any]:
        """A row without names, as it is; raises `BadInput` unless it has a cell for each feature."""
        if len(row) != len(self.features):
            label = f" (without {self.target!r})" if self.target and len(row) > len(self.features) else ""
            raise BadInput(
                f"row {number} has {counted(len(row), 'cell')}, not {len(self.features)}{label}; {self.told}"
            )
        return row


def _csv(text: str, expected: Expected) -> list[list[str]]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise BadInput(f"the request is not CSV: {error}") from None
    header = [cell.strip() for cell in rows[0]]
    order = header_order(header, expected)
    if order is None:
        return [expected.positional(number, row) for number, row in enumerate(rows, 1)]
    rows = rows[1:]
    if not rows:
        raise BadInput("the request has a header and no rows")
    if set(map(len, rows)) != {len(header)}:
        number, row = next((n, row) for n, row in enumerate(rows, 1) if len(row) != len(header))
        raise BadInput(f"row {number} has {counted(len(row), 'cell')}, the header has {len(header)}")
    return rows if order == list(range(len(header))) else [[row[place] for place in order] for row in rows]


def header_order(header: list[str], expected: Expected) -> list[int] | None:
    """The place of each feature where a first row is a header, else None; raises `BadInput` for other names.

    One in other letters is a header too, and will be told so.
    """
    if {one.casefold() for one in header}.isdisjoint(one.casefold() for one in expected.features):
        return None
    return expected.order(header)


def _json(text: str, expected: Expected) -> list[list[Any]]:
    found = _parsed(text)
    instances = found.get("instances") if isinstance(found, dict) and "instances" in found else found
    if isinstance(instances, dict):
        instances = [instances]
    if not isinstance(instances, list) or not instances:
        raise BadInput('the request has no rows; send a list of objects, or {"instances": [...]}')
    return [_json_row(number, row, expected) for number, row in enumerate(instances, 1)]


def _json_lines(text: str, expected: Expected) -> list[list[Any]]:
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) == 1:
        return _json(text, expected)
    return [_json_row(number, _parsed(line, number), expected) for number, line in enumerate(lines, 1)]


def _parsed(text: str, line: int = 0) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        where = f"line {line}" if line else "the request"
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise BadInput(f"{where} is not JSON: {why}") from None


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value; leave the cell out or send null")


def _json_row(number: int, row: Any, expected: Expected) -> list[Any]:
    if isinstance(row, list):
        return expected.positional(number, row)
    if not isinstance(row, dict):
        raise BadInput(f"row {number} is neither an object nor a list")
    expected.check(row.keys())
    return [row[feature] for feature in expected.features]


CSV = ("text/csv", "application/csv")
READERS = {
    **dict.fromkeys(CSV, _csv),
    "application/json": _json,
    "application/jsonlines": _json_lines,
}
