"""Secrets that no log may show."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"


class Masker:
    """Replaces every known secret in a line by `***`. One for a whole run, used by all of its jobs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Each line of it is masked too, for logs are lines; and how JSON and URLs write it."""
        parts = {part.strip("\r") for part in (secret, *secret.split("\n"))}
        parts |= {json.dumps(part)[1:-1] for part in parts} | {quote(part, safe="") for part in parts}
        with self._lock:
            known = {*self._secrets, *(part for part in parts if part.strip())}
            # The longest first, so that a secret within another leaves nothing of the other.
            self._secrets = tuple(sorted(known, key=len, reverse=True))

    def mask(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return text
