"""Files of JSON lines, some thousand lines at a time: their text as it is, and where each line stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
AT_ONCE, LONGEST = 20_000, 1 << 25
# A file is read so many bytes at a time, and to the end of the line.
PIECE = 1 << 22
END, OPENED = ord("\n"), ord("{")


@dataclass(frozen=True)
class Lines:
    """Lines that are not blank. `data` is their text in UTF-8, and `ends` where each line feed stands in it.

    `numbers` are those in their files, from 1; `files` has the place of each file's first line, and its name.
    """

    data: bytes
    ends: Places
    numbers: Places
    files: list[tuple[int, str]]

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def begins(self) -> Places:
        return _begins(self.ends)

    def text(self, place: int) -> str:
        """A line without its end."""
        begin = int(self.ends[place - 1]) + 1 if place else 0
        return self.data[begin : int(self.ends[place])].decode()

    def where(self, place: int) -> tuple[str, int]:
        """The file of a line, and its number in it."""
        file = self.files[bisect_right(self.files, place, key=lambda one: one[0]) - 1][1]
        return file, int(self.numbers[place])

    def part(self, places: Places) -> bytes:
        """The text of some lines."""
        if len(places) == len(self):
            return self.data
        return b"".join(
            self.data[begin : end + 1]
            for begin, end in zip(self.begins[places].tolist(), self.ends[places].tolist(), strict=True)
        )


def blocks(folder: Path) -> Iterator[Lines]:
    """All lines under `folder` in the order of the files' names; fewer at a time where they are long."""
    held: list[Lines] = []
    rows = size = 0
    for part in _parts(folder):
        if held and (rows + len(part) > AT_ONCE or size + len(part.data) > LONGEST):
            yield _joined(held)
            held, rows, size = [], 0, 0
        held.append(part)
        rows, size = rows + len(part), size + len(part.data)
    if held:
        yield _joined(held)


def _parts(folder: Path) -> Iterator[Lines]:
    for file in sorted(folder.rglob("*.jsonl")):
        if not file.is_file():
            continue
        name, before = str(file.relative_to(folder)), 0
        with file.open("rb") as found:
            while data := found.read(PIECE) + found.readline():
                whole = _lines(_text(data), name, before)
                before += int(whole.numbers[-1]) if len(whole) else 0
                yield from _cut(_without_blanks(whole))


def _text(data: bytes) -> bytes:
    """What is not UTF-8 is replaced; lines end with a line feed alone."""
    if not data.isascii():
        data = data.decode(errors="replace").encode()
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    return data if data.endswith(b"\n") else data + b"\n"


def _lines(data: bytes, name: str, before: int) -> Lines:
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == END)
    return Lines(data, ends, before + np.arange(1, len(ends) + 1), [(0, name)])


def _begins(ends: Places) -> Places:
    return np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])


def _without_blanks(lines: Lines) -> Lines:
    other = np.flatnonzero(np.frombuffer(lines.data, np.uint8)[lines.begins] != OPENED)
    blank = [place for place in other.tolist() if not lines.text(place).strip()]
    if not blank:
        return lines
    kept = np.setdiff1d(np.arange(len(lines)), blank)
    return _some(lines, kept)


def _some(lines: Lines, places: Places) -> Lines:
    sizes = (lines.ends - lines.begins + 1)[places]
    return Lines(lines.part(places), np.cumsum(sizes) - 1, lines.numbers[places], lines.files)


def _cut(lines: Lines) -> Iterator[Lines]:
    for start in range(0, len(lines), AT_ONCE):
        yield (
            lines
            if len(lines) <= AT_ONCE
            else _some(lines, np.arange(start, min(start + AT_ONCE, len(lines))))
        )


def _joined(parts: list[Lines]) -> Lines:
    if len(parts) == 1:
        return parts[0]
    at = [0, *accumulate(len(one.data) for one in parts)]
    first = [0, *accumulate(map(len, parts))]
    return Lines(
        b"".join(one.data for one in parts),
        np.concatenate([one.ends + start for one, start in zip(parts, at, strict=False)]),
        np.concatenate([one.numbers for one in parts]),
        [(place, one.files[0][1]) for place, one in zip(first, parts, strict=False)],
    )
