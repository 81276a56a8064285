"""Secrets that no log may show."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"


class Masker:
    """Replaces every known secret in a line by `***`. One for a whole run, used by all of its jobs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Each line of it is masked too, for logs are lines; and how JSON, URLs and Python write it."""
        parts = {part.strip("\r") for part in (secret, *secret.split("\n"))}
        forms = {form for part in parts for form in (part, *_written(part))}
        with self._lock:
            known = {*self._secrets, *(form for form in forms if form.strip())}
            # The longest first, so that a secret within another leaves nothing of the other.
            self._secrets = tuple(sorted(known, key=len, reverse=True))

    def mask(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return text


def _written(text: str) -> tuple[str, ...]:
    """`repr` escapes an apostrophe only where a quote is near, which another part of the line may bring."""
    return (
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(text),
        quote(text, safe=""),
        quote_plus(text),
        repr(text)[1:-1],
        repr('"' + text)[2:-1],
    )
