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
    maker: str = ""
    """Who made it and so stays its Administrator, where there is such a role."""

    @property
    def summary(self) -> str:
        stays = f": {self.maker} made it, and stays its Administrator" if self.maker else ""
        return f"= {self.mark.thing}{stays}"

    @property
    def about(self) -> str:
        return self.mark.thing

    def carry_out(self, present: Present) -> None:
        marks.put(present, [self.mark])
