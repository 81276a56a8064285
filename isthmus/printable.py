"""What others wrote, as a terminal may show it: its colours stay, and nothing else that steers a terminal."""

from __future__ import annotations

import re

# ECMA-48: select graphic rendition; the control characters C0 and C1, without tab and line feed.
_COLOUR_OR_CONTROL = re.compile(r"(\x1b\[[0-9;:]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text with each control character spelt out, as `\\x1b`."""
    return _COLOUR_OR_CONTROL.sub(lambda found: found[1] or repr(found[0])[1:-1], text)
