"""How much better a version is than the one in prod was, as its build recorded it in the registry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from isthmus.counting import counted
from isthmus.interval import Interval


@dataclass(frozen=True)
class Gain(Interval):
    """The improvement over a version on the same rows; over zero is better."""

    over: int
    rows: int

    def __str__(self) -> str:
        chance = ", inside noise" if self.is_noise else ""
        rows = counted(self.rows, "row")
        return f"gain {self:{self.form}} over version {self.over} on the same {rows}{chance}"


def recorded(metadata: Mapping[str, str]) -> Gain | None:
    """The gain in a version's metadata; None where it was compared with none, such as the first version."""
    try:
        value, low, high = (float(metadata[key]) for key in ("gain", "gain_low", "gain_high"))
        found = Gain(value, low, high, int(metadata["champion"].rpartition("/")[2]), int(metadata["n"]))
    except (KeyError, ValueError):
        return None
    return found if all(map(math.isfinite, (value, low, high))) else None
