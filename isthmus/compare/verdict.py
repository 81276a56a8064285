"""What can be said of a difference by now, in words: better, worse, none that matters, or not enough yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isthmus.compare.sequence import Estimate, needed

Outcome = Literal["better", "worse", "higher", "lower", "same", "open"]
# How a figure is liked: the lower, the higher, or neither.
Wanted = Literal["low", "high", ""]
SAID: dict[Outcome, str] = {
    "better": "enough was seen: the new version is better",
    "worse": "enough was seen: the new version is worse",
    "higher": "enough was seen: the new version answers higher",
    "lower": "enough was seen: the new version answers lower",
    "same": "enough was seen: no difference that matters",
}


@dataclass(frozen=True)
class Difference:
    """The challenger's figure less the champion's, in `unit`, and what to make of it.

    `seen` counts `of` what: requests, pairs, labelled rows. There is no `estimate` of what was not seen
    often enough; `trouble` is why there cannot be any.
    """

    name: str
    unit: str
    of: str
    champion: float | None
    challenger: float | None
    seen: int
    estimate: Estimate | None
    outcome: Outcome
    more: int | None = None
    trouble: str = ""

    @property
    def words(self) -> str:
        if self.trouble:
            return f"not measured: {self.trouble}"
        if self.outcome != "open":
            return SAID[self.outcome]
        if self.more is None:
            said = "not enough yet" if self.estimate is None else "no difference seen"
            return f"{said}: {self.seen} {self.of}"
        return f"not enough yet: about {self.more} more {self.of}"


def judge(estimate: Estimate | None, wanted: Wanted, smallest: float) -> Outcome:
    """What the interval says, where a difference less than `smallest` does not matter."""
    if estimate is None:
        return "open"
    if -smallest < estimate.low and estimate.high < smallest:
        return "same"
    if estimate.low <= 0 <= estimate.high:
        return "open"
    above = estimate.low > 0
    if not wanted:
        return "higher" if above else "lower"
    return "better" if above == (wanted == "high") else "worse"


def more(estimate: Estimate | None, smallest: float, alpha: float) -> int | None:
    """About how many more it takes; None where nobody can say yet."""
    return None if estimate is None else max(1, needed(estimate, smallest, alpha) - estimate.n)
