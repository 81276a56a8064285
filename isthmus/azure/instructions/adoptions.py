"""What is there and apply did not make, taken over because somebody said so."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure import marks
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.present import Present


@dataclass(frozen=True)
class Adopt(Instruction):
    """Mark a thing as if apply had made it: from now on it is mended, and removed by destroy."""

    mark: marks.Mark

    @property
    def summary(self) -> str:
        return f"= {self.mark.thing}"

    def carry_out(self, present: Present) -> None:
        marks.put(present, [self.mark])
