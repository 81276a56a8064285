"""How Isthmus fails: every error that a person may see, and the exit code that a script sees.

    Problem                 something is wrong that a person can mend          exit 1
    ├── BadInput            a file, key or argument is wrong                   exit 2
    ├── NotFound            the named thing does not exist                     exit 3
    ├── Refused             not allowed, or the wrong state for it             exit 4
    └── Unavailable         a cloud or stand-in could not be reached           exit 5

The command line prints a `Problem` in three lines and never as a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable


class Problem(Exception):
    """Something is wrong that a person can mend.

    Parameters
    ----------
    what : what is wrong, with the value that was found.
    where : file, key, line, id or URL; empty when `what` already says it.
    todo : what to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.todo = todo

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.todo:
            lines.append(f"  do:    {self.todo}")
        return "\n".join(lines)

    @property
    def in_a_line(self) -> str:
        return "; ".join(filter(None, (self.where, self.what, self.todo)))


class BadInput(Problem):
    exit_code = 2


class NotFound(Problem):
    exit_code = 3


class Refused(Problem):
    exit_code = 4


class Unavailable(Problem):
    exit_code = 5


def did_you_mean(word: str, among: Iterable[str]) -> str:
    """The nearest of the spellings as the end of a sentence; empty where none is near."""
    # Imported here: only a mistake needs it.
    import difflib

    names = {name.lower(): name for name in among}
    near = difflib.get_close_matches(word.lower(), names, 1)
    return f"; did you mean {names[near[0]]!r}?" if near else ""
