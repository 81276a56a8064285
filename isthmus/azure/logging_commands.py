"""What an Azure Pipelines agent reads in a step's output: our own commands, and nobody else's.

An agent obeys `##vso[...]` wherever it stands in a line, also in a column's name or in a log that is only
shown. So nothing that Isthmus prints in a job is a command but what `command` writes.
Source: "Logging commands" (Azure Pipelines documentation), for the commands and their escapes.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, TextIO

_MARK, _LONGEST = re.compile(r"##(vso)?\["), len("##vso[")
_IN_VALUE = {"%": "%AZP25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = _IN_VALUE | {";": "%3B", "]": "%5D"}


def command(name: str, value: str, **properties: str) -> None:
    """Write one logging command, such as `command("task.setvariable", "7", variable="x")`."""
    told = ";".join(f"{key}={_escaped(text, _IN_PROPERTY)}" for key, text in properties.items())
    line = f"##vso[{name}{' ' + told if told else ''}]{_escaped(value, _IN_VALUE)}\n"
    stream = sys.stdout
    (stream.stream if isinstance(stream, Plain) else stream).write(line)


def silence_others() -> None:
    """In a job, let no command stand in what is printed by any other road."""
    if os.environ.get("TF_BUILD"):
        sys.stdout, sys.stderr = Plain(sys.stdout), Plain(sys.stderr)


class Plain:
    """A text stream in which `##vso[` and `##[` are words and no commands, also where they come in pieces.

    A space stands in them: the agent looks for its mark by culture, to which a zero-width character is none.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._end = ""

    def write(self, text: str) -> int:
        end = len(self._end)
        joins = any(mark.start() < end < mark.end() for mark in _MARK.finditer(self._end + text))
        plain = (" " if joins else "") + _MARK.sub(r"## \1[", text)
        self._end = (self._end + plain)[-_LONGEST:]
        self.stream.write(plain)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        # click writes bytes to `buffer` and rich to the descriptor where they find them.
        if name in ("buffer", "fileno"):
            raise AttributeError(name)
        return getattr(self.stream, name)


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(char, char) for char in text)
