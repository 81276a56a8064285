"""What every instruction is: a line that says what changes, what it was and will be, and the change itself.

`carry_out` looks names up when it is called, for what an earlier instruction made.
"""

from __future__ import annotations

from typing import Any, Literal

from isthmus.azure.differences import Difference
from isthmus.azure.present import Present, translated
from isthmus.azure.resources import CALLED, Kind
from isthmus.errors import NotFound

Sort = Literal["make", "drift", "contents", "remove", "adopt"]
_SORTS: dict[str, Sort] = {"+": "make", "~": "drift", ">": "contents", "-": "remove", "=": "adopt"}


class Instruction:
    """One change; it begins with `+` (makes), `~` (mends), `>` (contents), `-` (removes) or `=` (adopts)."""

    @property
    def summary(self) -> str:
        """One line: what changes."""
        raise NotImplementedError

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Of what is there already: what will be otherwise."""
        return ()

    @property
    def makes(self) -> tuple[Kind, str] | None:
        """The thing that it makes, by kind and name, where it makes one that is marked as made by apply."""
        return None

    def carry_out(self, present: Present) -> None:
        raise NotImplementedError

    @property
    def kind(self) -> Sort:
        return _SORTS[self.summary[0]]

    @property
    def about(self) -> str:
        """The summary without its sign, and without what is no name of what is changed."""
        return self.summary[2:]

    @property
    def lines(self) -> list[str]:
        """The summary, and the differences below it."""
        return [self.summary, *(f"    {one}" for one in self.differences)]

    @property
    def document(self) -> dict[str, Any]:
        found = [one.document for one in self.differences]
        return {"kind": self.kind, "summary": self.summary[2:], "differences": found}


def perform(instruction: Instruction, present: Present) -> None:
    """Carry one instruction out; what was known before it is known no longer."""
    with translated():
        instruction.carry_out(present)
    present.forget()


def there(found: Any, kind: str, name: str) -> Any:
    """What was found; raises `NotFound` where that is nothing."""
    if found is None:
        raise NotFound(
            f"there is no {CALLED.get(kind, kind)} {name!r} in the project", todo="run apply again"
        )
    return found
