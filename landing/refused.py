"""Why something is not taken, or not now."""

from __future__ import annotations


class Refused(Exception):
    """The file is not fit to train on, in words for whoever sent it; no cell of it is ever quoted."""


class Busy(Exception):
    """Another invocation works on the same file: the message returns to the queue."""


def shown(text: str) -> str:
    """What somebody else named, as it may stand in a sentence, a log or a mail."""
    plain = "".join(letter if letter.isprintable() and letter not in '"<>\\' else "?" for letter in text)
    return plain if len(plain) <= 120 else f"{plain[:117]}..."
