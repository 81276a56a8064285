"""A figure and how sure it is, as it is measured, judged and shown everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass


def digits(low: float, high: float) -> int:
    """How many decimals a figure is shown with: at most 3, and none that its interval makes meaningless."""
    width = high - low
    return 3 if not width > 0 else max(0, min(3, 2 - math.floor(math.log10(width))))


@dataclass(frozen=True)
class Interval:
    """A value and its confidence interval; `f"{...:.3f}"` formats all three alike."""

    value: float
    ci_low: float
    ci_high: float

    @property
    def is_noise(self) -> bool:
        """Of a difference: whether chance alone may have made it, for the interval holds zero."""
        return self.ci_low <= 0 <= self.ci_high

    def __str__(self) -> str:
        return format(self, ".3f")

    def __format__(self, form: str) -> str:
        if not form:
            return str(self)
        return f"{self.value:{form}} [{self.ci_low:{form}}, {self.ci_high:{form}}]"
