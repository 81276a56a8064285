"""What a benchmark aims at: it ends with 1 where that is missed, and says what was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AtLeast:
    bound: float

    @property
    def words(self) -> str:
        return f"at least {self.bound:g}"

    def is_met(self, value: float) -> bool:
        return value >= self.bound


@dataclass(frozen=True)
class AtMost:
    bound: float

    @property
    def words(self) -> str:
        return f"at most {self.bound:g}"

    def is_met(self, value: float) -> bool:
        return value <= self.bound


def missed(aims: Mapping[str, AtLeast | AtMost], found: Mapping[str, float]) -> str | None:
    """For `sys.exit`: a line for each aim that was missed; None where none was."""
    lines = [
        f"missed: {name} is {found[name]:g}, the aim is {aim.words}"
        for name, aim in aims.items()
        if not aim.is_met(found[name])
    ]
    return "\n".join(lines) or None
