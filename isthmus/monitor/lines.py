"""Files of JSON lines, some megabytes at a time, and what lines say that are as they are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

# So many bytes at a time, and to the end of the line.
AT_ONCE = 1 << 24
END, OPENED, CLOSED = b"\n{}"
# What msgspec says of what is otherwise than asked for, or no JSON.
UNREAD = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
Places = NDArray[np.int64]
Record = TypeVar("Record", bound=msgspec.Struct)


@dataclass(frozen=True)
class Lines:
    """Lines as they stand in their files, blank ones too, each with a line feed at its end.

    For each file `files` has where its text begins in `data`, its name, and its first line's number, from 1.
    """

    data: bytes
    files: list[tuple[int, str, int]]

    @cached_property
    def _ends(self) -> Places:
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == END)

    def text(self, place: int) -> str:
        """A line without its end; what is not UTF-8 in it is replaced."""
        return self._line(place).decode(errors="replace").rstrip("\r")

    def where(self, place: int) -> tuple[str, int]:
        """The file of a line, and its number in it."""
        begin = self._begin(place)
        first, file, number = self.files[bisect_right(self.files, begin, key=lambda one: one[0]) - 1]
        return file, number + place - int(np.searchsorted(self._ends, first))

    def read(self, decoder: msgspec.json.Decoder[Record]) -> tuple[Sequence[int], list[Record]]:
        """The places of the lines that say what is asked for, and what they say."""
        if self._objects:
            try:
                return range(len(self._ends)), decoder.decode_lines(self.data)
            except UNREAD:
                pass
        places, found = [], []
        for place in range(len(self._ends)):
            try:
                found.append(decoder.decode(self._line(place)))
            except UNREAD:
                continue
            places.append(place)
        return places, found

    def others(self, read: Sequence[int] | Places) -> Iterator[tuple[int, str]]:
        """The places and texts of all lines but those that were read, and blank ones."""
        other = np.ones(len(self._ends), bool)
        other[read] = False
        for place in np.flatnonzero(other).tolist():
            if (text := self.text(place)).strip():
                yield place, text

    @property
    def _objects(self) -> bool:
        """Whether each line begins and ends as an object: then what is read of all at once has a line each.

        A line that lacks its end would take the next with it, and no object begins where another may go on.
        """
        marks, ends = np.frombuffer(self.data, np.uint8), self._ends
        opened = marks[0] == OPENED and bool(np.all(marks[ends[:-1] + 1] == OPENED))
        return opened and bool(np.all(marks[ends - 1] == CLOSED))

    def _begin(self, place: int) -> int:
        return int(self._ends[place - 1]) + 1 if place else 0

    def _line(self, place: int) -> bytes:
        return self.data[self._begin(place) : int(self._ends[place])]


def blocks(folder: Path) -> Iterator[Lines]:
    """All lines under `folder`, in the order of the files' names."""
    held: list[bytes] = []
    files: list[tuple[int, str, int]] = []
    size = 0
    for file in sorted(folder.rglob("*.jsonl")):
        if not file.is_file():
            continue
        number = 1
        with file.open("rb") as found:
            while data := found.read(AT_ONCE) + found.readline():
                held.append(data if data.endswith(b"\n") else data + b"\n")
                files.append((size, str(file.relative_to(folder)), number))
                size += len(held[-1])
                # Nothing follows what is shorter.
                number += data.count(b"\n") if len(data) >= AT_ONCE else 0
                if size >= AT_ONCE // 2:
                    yield Lines(b"".join(held), files)
                    held, files, size = [], [], 0
    if held:
        yield Lines(b"".join(held), files)
