"""Groups of held-out rows by the values of a column: one for each value, or quarters of many numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isthmus.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

# A column of numbers with more values than these is cut into quarters.
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
    """The groups of each column; raises `BadInput` for a column that the held-out rows do not have."""
    found = []
    for column in columns:
        if column not in rows:
            raise BadInput(
                f"the held-out rows have no column {column!r}",
                where="deploy.yaml, gates.slices.columns",
                todo=f"columns: {', '.join(rows.columns)}; or add it to model.yaml's facets, and build",
            )
        found += _groups(column, rows[column])
    return found


def _groups(column: str, values: pd.Series) -> list[Group]:
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce")
    if values.nunique() > MOST_VALUES and numbers[values != ""].notna().all():
        cut = pd.qcut(numbers, 4, duplicates="drop")
        names = [(str(one), f"{column} {one.left:.4g} to {one.right:.4g}") for one in cut.cat.categories]
        return [Group(column, name, (cut.astype(str) == text).to_numpy()) for text, name in names]
    common = values.value_counts().index[:MOST_VALUES]
    return [
        Group(column, f"{column} = {value or 'nothing'}", (values == value).to_numpy())
        for value in sorted(common)
    ]
