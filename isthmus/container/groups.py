"""Groups of rows by the values of a column: one for each value, or quarters of many numbers.

An approver is shown these groups of the judged rows, and a gate judges these of the held-out rows. The ones
come typed, the others as the text of a file: the same values make the same groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

# A column of numbers with more values than these is cut into quarters; of texts the commonest are told.
MOST_VALUES = 12


@dataclass(frozen=True)
class Group:
    """Rows that have something in common; `rows` says of each row whether it is among them."""

    column: str
    name: str
    rows: np.ndarray

    @property
    def size(self) -> int:
        return int(self.rows.sum())


def groups(rows: pd.DataFrame, columns: Sequence[str]) -> list[Group]:
    """The groups of each column; raises `BadInput` for a column that the rows do not have."""
    found = []
    for column in columns:
        if column not in rows:
            raise BadInput(
                f"the judged rows have no column {column!r}",
                where="deploy.yaml, gates.slices.columns, or model.yaml, facets",
                todo=f"columns: {', '.join(rows.columns)}; or add it to model.yaml's facets, and build",
            )
        found += _groups(column, rows[column])
    return found


def _groups(column: str, values: pd.Series) -> list[Group]:
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce")
    missing = values.isna() | (values == "")
    are_numbers = bool(numbers[~missing].notna().all())
    if are_numbers and numbers.nunique() > MOST_VALUES:
        return _quarters(column, numbers)
    names = numbers.map("{:.15g}".format) if are_numbers else values.astype(str)
    names = names.where(~missing, "(missing)")
    common = names.value_counts().index[:MOST_VALUES]
    return [Group(column, f"{column} = {name}", (names == name).to_numpy()) for name in sorted(common)]


def _quarters(column: str, numbers: pd.Series) -> list[Group]:
    import pandas as pd

    cut = pd.qcut(numbers, 4, duplicates="drop")
    parts = [(cut == one).to_numpy(dtype=bool) for one in cut.cat.categories]
    borders = [(float(numbers[rows].min()), float(numbers[rows].max())) for rows in parts]
    digits = _digits({edge for both in borders for edge in both})
    return [
        Group(column, f"{column} {low:.{digits}g} to {high:.{digits}g}", rows)
        for rows, (low, high) in zip(parts, borders, strict=True)
    ]


def _digits(borders: set[float]) -> int:
    """As many significant digits as show whole numbers whole and tell the borders apart: 4 to 15."""
    least = min(15, max(4, *(len(f"{abs(one):.0f}") for one in borders)))
    apart = (
        count for count in range(least, 15) if len({f"{one:.{count}g}" for one in borders}) == len(borders)
    )
    return next(apart, 15)
