"""The cells of one column of a request as numbers or texts; one that is neither is named by its place.

What separates the cells of a request, and in which order its columns stand, is `payload`'s.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from isthmus.errors import BadInput

NESTED = frozenset({dict, list})
TRUTHS = {"true": 1.0, "false": 0.0}


def numbers(cells: Sequence[Any], column: str, missing: Collection[str]) -> list[float | None]:
    """Each cell as a finite number, or None where it is empty or one of `missing`; raises `BadInput`."""
    plain = None if _marks_a_number(frozenset(missing)) else _plain_numbers(cells)
    if plain is not None:
        return plain
    return [_number(cell, row, column, missing) for row, cell in enumerate(cells, 1)]


def texts(cells: Sequence[Any], column: str, missing: Collection[str]) -> list[str | None]:
    """Each cell as text, or None where it is empty or one of `missing`; raises `BadInput`."""
    if not NESTED.isdisjoint(map(type, cells)):
        row, kind = next((row, type(cell)) for row, cell in enumerate(cells, 1) if type(cell) in NESTED)
        raise BadInput(f"row {row}, column {column!r}: a text is needed, not {kind.__name__}")
    return [None if is_missing(cell, missing) else str(cell) for cell in cells]


def is_missing(cell: Any, missing: Collection[str]) -> bool:
    return cell is None or (isinstance(cell, str) and (not cell.strip() or cell.strip() in missing))


def is_number(mark: str) -> bool:
    """Whether a text is a finite number: one that stands for no value has to be looked for among numbers."""
    return _plain_numbers([mark]) is not None


@cache
def _marks_a_number(missing: frozenset[str]) -> bool:
    return any(map(is_number, missing))


def _plain_numbers(cells: Sequence[Any]) -> list[float | None] | None:
    """The numbers where all cells are plain ones, at the speed of C; None where one needs a look."""
    try:
        found = list(map(float, cells))
    except (ValueError, TypeError, OverflowError):
        return None
    return [*found] if are_finite(found) and not _underscored(cells) else None


def are_finite(found: Sequence[float]) -> bool:
    """Whether all are numbers: then their sum is one, unless they are too great."""
    return math.isfinite(sum(found)) or all(map(math.isfinite, found))


def _underscored(cells: Sequence[Any]) -> bool:
    """Python reads 1_000 as a number, and no other program does."""
    try:
        return "_" in "".join(cells)
    except TypeError:
        return any("_" in cell for cell in cells if isinstance(cell, str))


def _number(cell: Any, row: int, column: str, missing: Collection[str]) -> float | None:
    if is_missing(cell, missing):
        return None
    where = f"row {row}, column {column!r}"
    if type(cell) in NESTED:
        raise BadInput(f"{where}: a number is needed, not {type(cell).__name__}")
    try:
        number = TRUTHS[cell.strip().lower()] if _is_truth(cell) else float(_without_underscore(cell))
    except (ValueError, TypeError):
        raise BadInput(f"{where}: {str(cell)[:40]!r} is not a number") from None
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadInput(f"{where}: {str(cell)[:40]!r} is not a finite number; leave it empty")
    return number


def _is_truth(cell: Any) -> bool:
    return isinstance(cell, str) and cell.strip().lower() in TRUTHS


def _without_underscore(cell: Any) -> Any:
    if isinstance(cell, str) and "_" in cell:
        raise ValueError(cell)
    return cell
