"""What others wrote, as text of one line in our Markdown: no markup, no cell of a table, never endless."""

from __future__ import annotations

LONGEST = 1000
# A backslash would be shown between backticks, so each is replaced and none is escaped.
INSTEAD = str.maketrans({"|": "/", "`": "'", "<": "(", ">": ")", "[": "(", "]": ")"})


def text(value: object) -> str:
    """The value's words: what cannot be printed is a space, and a mark of Markdown its nearest likeness."""
    plain = "".join(char if char.isprintable() else " " for char in str(value)).translate(INSTEAD)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"
