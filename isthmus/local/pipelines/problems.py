"""What is wrong with a pipeline, told all at once and not one mistake at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from isthmus.errors import BadInput, Problem

SHOWN = 30


class Problems(BadInput):
    """Several problems as one; each with where it is and what to do about it."""

    def __init__(self, found: list[Problem]) -> None:
        more = f"\n... and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        told = "\n".join(f"{number}. {one}" for number, one in enumerate(found[:SHOWN], 1))
        super().__init__(f"{len(found)} things are wrong with the pipeline\n{told}{more}")
        self.found = found


class TooMuch(BadInput):
    """A pipeline that unfolds without end: there is no sense in looking for more."""


class Notes:
    """Problems that were met and did not stop the search for more."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Problem] = {}

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note the problem that is raised within, and go on."""
        try:
            yield
        except TooMuch:
            raise
        except Problem as problem:
            self.note(problem)

    def note(self, problem: Problem) -> None:
        for one in problem.found if isinstance(problem, Problems) else [problem]:
            self._found.setdefault((one.what, one.where), one)

    def __bool__(self) -> bool:
        return bool(self._found)

    def settle(self) -> None:
        """Raise what was noted, if anything was."""
        found = list(self._found.values())
        if len(found) == 1:
            raise found[0] from None
        if found:
            raise Problems(found) from None
