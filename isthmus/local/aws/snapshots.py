"""Writes the state of every service soon after it changed, so that `kill -9` loses a second or two.

ministack writes at a clean stop only, forgets sessions of STS, and goes on without a file that it cannot
read, which it writes over later. Here only what differs is written, each file whole or not at all, and
nothing where a file could not be read.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core import persistence
from ministack.services import sts

from isthmus import files

logger = logging.getLogger("isthmus.snapshots")
# State is written this long after the first change, or a few times as long as writing it takes.
AFTER = 1.0
# ministack's dictionaries are read in a thread while requests change them; trying again is enough.
ATTEMPTS = 20


def install() -> None:
    """Keep sessions of roles over a restart: jobs and deployments that hold them go on."""
    sts.get_state = lambda: {"sessions": dict(sts._sessions)}
    sts.load_persisted_state = _load_sessions


def _load_sessions(data: dict[str, Any]) -> None:
    sts._sessions.update(data.get("sessions", {}))
    sts._evict_expired_sessions()


class Snapshots:
    """The state folder and what was last written there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, bytes] = {}
        # The last save, at a stop, meets the one that is under way.
        self._saving = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ministack._load_persisted_state = self.load
        ministack.save_all = lambda _services: self.save()

    def load(self) -> None:
        """Restore each service; raises `Unavailable` naming the file that cannot be read."""
        for service, module in ministack._state_map.items():
            file = self._folder / f"{service}.json"
            if file.exists():
                _restore(service, module, file)

    async def keep(self, changed: asyncio.Event) -> None:
        """Write after each change, for ever."""
        pause = AFTER
        while True:
            await changed.wait()
            await asyncio.sleep(pause)
            changed.clear()
            started = time.monotonic()
            await asyncio.to_thread(self.save)
            pause = max(AFTER, 3 * (time.monotonic() - started))

    def save(self) -> None:
        """Write each service's state that differs from what is on disk."""
        with self._saving:
            self._save()

    def _save(self) -> None:
        for service, get_state in ministack._build_persistence_save_dict().items():
            text = _text(service, get_state)
            if text is None:
                continue
            digest = hashlib.sha256(text).digest()
            if self._written.get(service) != digest:
                self._write(service, text)
                self._written[service] = digest

    def _write(self, service: str, text: bytes) -> None:
        files.write(self._folder / f"{service}.json", text)


def _restore(service: str, module: str, file: Path) -> None:
    try:
        state = json.loads(file.read_bytes(), object_hook=persistence._json_object_hook)
        if state["__ministack_format__"] > persistence._state_format_version(service):
            raise ValueError("a newer ministack wrote it")
        ministack._get_module(module).load_persisted_state(state["payload"])
    except Exception as error:  # noqa: BLE001  what a service cannot read may fail in any way
        raise files.damaged(file, f"{type(error).__name__}: {error}") from None


def _text(service: str, get_state: Any) -> bytes | None:
    """A service's state as ministack reads it; None where it has none, or changes too fast to be read."""
    for _ in range(ATTEMPTS):
        try:
            state = get_state()
            if state is None:
                return None
            wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": state}
            return json.dumps(wrapped, default=persistence._json_default).encode()
        except RuntimeError:
            # 'dictionary changed size during iteration'
            time.sleep(0.01)
    logger.warning(
        "the state of %s changes too fast to be written; trying again after the next change", service
    )
    return None
