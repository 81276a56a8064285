"""Files written whole or not at all: whoever reads one never finds half of it."""

from __future__ import annotations

import os
from pathlib import Path

from isthmus.errors import Unavailable


def write(file: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put `content` in the file's place, aside first, so that no kill and no power cut leaves a part."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as aside:
            aside.write(content)
            aside.flush()
            os.fsync(aside.fileno())
        partial.replace(file)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def damaged(file: Path, why: object) -> Unavailable:
    """What to raise where a file of state cannot be read; nothing may write over it then."""
    return Unavailable(f"{file.name} is damaged: {why}", where=str(file))
