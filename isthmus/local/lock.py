"""A lock that ends with the process that holds it, so that a killed one leaves nothing to clean up."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from isthmus.errors import Refused, Unavailable


@contextlib.contextmanager
def held(file: Path, refusal: Refused) -> Iterator[None]:
    """Hold the lock while the block runs; raises `refusal` where another process does."""
    with _opened(file) as lock:
        if not _take(lock):
            raise refusal
        yield


def is_held(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("a") as lock:
        return not _take(lock)


def _opened(file: Path) -> IO[str]:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("a")
    except OSError as error:
        raise Unavailable(
            f"{error.filename or file}: {error.strerror}",
            todo="the local clouds keep their state there: move it away, or work in another folder",
        ) from None


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
