"""Azure Pipelines' file patterns: `**`, `*`, `?`, `{a,b}`, and lines with `!` that take away again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a relative path with `/` matches; the last pattern that says something decides."""
    found = False
    for pattern in (line.strip() for line in patterns):
        if pattern.startswith("#") or not pattern:
            continue
        if pattern.startswith("!"):
            found = found and not _compiled(pattern[1:]).fullmatch(path)
        else:
            found = found or bool(_compiled(pattern).fullmatch(path))
    return found


def find_files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The files below a folder that match; a pattern may be an absolute path."""
    lines = []
    for pattern in (line.strip() for line in patterns):
        sign, bare = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        prefix = str(folder) + "/"
        lines.append(sign + (bare.removeprefix(prefix)))
    absolute = [Path(line) for line in lines if line.startswith("/") and Path(line).is_file()]
    below = (path for path in folder.rglob("*") if path.is_file())
    return absolute + sorted(path for path in below if matches(path.relative_to(folder).as_posix(), lines))


def _compiled(pattern: str) -> re.Pattern[str]:
    out, position = [], 0
    while position < len(pattern):
        char = pattern[position]
        if pattern.startswith("**/", position):
            out.append("(?:.*/)?")
            position += 3
            continue
        if pattern.startswith("**", position):
            out.append(".*")
            position += 2
            continue
        out.append(_ONE.get(char) or re.escape(char))
        position += 1
    return re.compile("".join(out))


_ONE = {"*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}
