"""A figure and how sure it is, as it is measured, judged and shown everywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Of each class: with fewer rows no metric is sure in which all classes count alike.
FEWEST_OF_CLASS = 10


def digits(low: float, high: float) -> int:
    """How many decimals a figure is shown with: at most 3, and none that its interval makes meaningless."""
    width = high - low
    return 3 if not width > 0 else max(0, min(3, 2 - math.floor(math.log10(width))))


def read(one: Mapping[str, Any]) -> Interval:
    """The interval that a record has beside other things."""
    return Interval(one["value"], one["ci_low"], one["ci_high"])


@dataclass(frozen=True)
class Interval:
    """A value and its confidence interval, shown as exactly as that allows; `f"{...:+.2f}"` for all."""

    value: float
    ci_low: float
    ci_high: float

    @property
    def is_noise(self) -> bool:
        """Of a difference: whether chance alone may have made it, for the interval holds zero."""
        return self.ci_low <= 0 <= self.ci_high

    @property
    def form(self) -> str:
        """How exactly it is shown, as a format: `.3f`."""
        return f".{digits(self.ci_low, self.ci_high)}f"

    @property
    def cells(self) -> tuple[str, str]:
        """The value and its interval, for a table."""
        return f"{self.value:{self.form}}", f"{self.ci_low:{self.form}} to {self.ci_high:{self.form}}"

    def __str__(self) -> str:
        return format(self, self.form)

    def __format__(self, form: str) -> str:
        if not form:
            return str(self)
        return f"{self.value:{form}} [{self.ci_low:{form}}, {self.ci_high:{form}}]"
