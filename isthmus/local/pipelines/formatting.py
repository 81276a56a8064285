"""How the lines of a step's log look on a terminal: `##[group]`, `##[error]` and the like, in colours."""

from __future__ import annotations

import re

import click

_COMMAND = re.compile(r"##\[(group|endgroup|section|command|debug|warning|error)\]")
_COLOURS = {"error": "red", "warning": "yellow", "section": "green", "command": "blue", "debug": "magenta"}
_KEPT = ("error", "warning", "debug")


def formatted(line: str) -> str | None:
    """The line as people read it; None for one that only ends a group."""
    match = _COMMAND.match(line)
    if match is None:
        return line
    word, text = match.group(1), line[match.end() :]
    if word == "endgroup":
        return None
    if word == "group":
        return click.style(f"▾ {text}", bold=True)
    return click.style(line if word in _KEPT else text, fg=_COLOURS[word])
