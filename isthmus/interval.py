"""A figure and how sure it is, as it is measured, judged and shown everywhere."""

from __future__ import annotations

from dataclasses import dataclass


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
