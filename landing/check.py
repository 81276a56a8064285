"""Whether the rows of a file are what its model takes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from landing.refused import Refused
from landing.rows import Row
from landing.schema import Schema


def checked(rows: Iterator[Row], schema: Schema) -> Iterator[Row]:
    """The same rows; raises `Refused` at the first that does not fit, or at the end for what all lack."""
    fits = {name: _FITS[kind](schema) for name, kind in schema.kinds.items()}
    missing: Counter[str] = Counter()
    number = 0
    for number, row in enumerate(rows, 1):
        for name, fit in fits.items():
            cell = row[name]
            if cell in schema.missing:
                missing[name] += 1
            elif not fit(cell):
                raise Refused(f"row {number}, column {name}: {_WANTED[schema.kinds[name]]}")
        yield row
    if number < schema.fewest_rows:
        raise Refused(f"it has {number} rows, and {schema.fewest_rows} are the fewest")
    _check_missing(missing, number, schema)


def _check_missing(missing: Counter[str], rows: int, schema: Schema) -> None:
    for name, kind in schema.kinds.items():
        allowed = 0 if kind == "time" else schema.most_missing
        if missing[name] > allowed * rows:
            raise Refused(
                f"column {name}: {missing[name]} of {rows} cells are empty, and {allowed:.0%} may be at most"
            )


_WANTED = {
    "number": "not a number",
    "time": "neither a number nor a date like 2012-07-31",
    "class": "not one of the classes that the model knows",
    "text": "not a text",
}


def _is_number(cell: str) -> bool:
    # Python takes 1_000 and digits of other scripts for numbers, and training does not.
    if "_" in cell or not cell.isascii():
        return False
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _is_time(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return _is_number(cell)
    return True


def _classes(schema: Schema) -> Callable[[str], bool]:
    """A class that is a number is the same however it is written."""
    if not schema.classes:
        return lambda cell: True
    numbers = {float(one) for one in schema.classes if _is_number(one)}
    return lambda cell: cell in schema.classes or (_is_number(cell) and float(cell) in numbers)


_FITS: dict[str, Callable[[Schema], Callable[[str], bool]]] = {
    "number": lambda _: _is_number,
    "time": lambda _: _is_time,
    "class": _classes,
    "text": lambda _: lambda cell: True,
}
