"""Secrets that no log may show."""

from __future__ import annotations

import threading
from collections.abc import Iterable

MASK = "***"


class Masker:
    """Replaces every known secret in a line by `***`. One for a whole run, used by all of its jobs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Each line of it is masked too: logs are lines."""
        parts = {part.strip("\r") for part in (secret, *secret.split("\n"))}
        with self._lock:
            known = {*self._secrets, *(part for part in parts if part.strip())}
            # The longest first, so that a secret within another leaves nothing of the other.
            self._secrets = tuple(sorted(known, key=len, reverse=True))

    def mask(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return text
