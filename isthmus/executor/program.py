"""One run of a container program: started, its output read line by line, stopped in time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from isthmus import lifeline
from isthmus.executor import sandbox

OnLines = Callable[[list[str]], None]


class NoProgram(Exception):
    """The image has no such program."""


@dataclass
class Program:
    """A program with its own `/opt/ml`; it never outlives this process.

    `on_lines` gets the lines of output as they come, from a thread of the run.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    opt_ml: Path
    on_lines: OnLines
    isolation: sandbox.Kind | None = None
    offline: bool = False
    grace: float = 5.0
    _process: subprocess.Popen[bytes] | None = None
    _reader: threading.Thread | None = None
    _stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Start it; raises `NoProgram` where the image's PATH does not have it."""
        argv, env = sandbox.launch(self._resolved(), self.env, self.opt_ml, self.isolation, self.offline)
        work = self.opt_ml.parent / "work"
        work.mkdir(exist_ok=True)
        with self._lock:
            if self._stopped:
                return
            self._process = lifeline.spawn(
                argv, env=env, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, grace=self.grace
            )
        self._reader = threading.Thread(target=_read, args=(self._process.stdout, self.on_lines), daemon=True)
        self._reader.start()

    def wait(self) -> int:
        """The exit code, when it has ended and all of its output was read."""
        if self._process is None:
            return 128 + 15
        code = self._process.wait()
        if self._reader is not None:
            self._reader.join()
        lifeline.stop(self._process)
        return code

    def run(self) -> int:
        """Start and wait."""
        self.start()
        return self.wait()

    def stop(self) -> None:
        """Ask it to end (SIGTERM), then after `grace` seconds make it end."""
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _resolved(self) -> list[str]:
        found = shutil.which(self.argv[0], path=self.env["PATH"])
        if found is None:
            raise NoProgram(f'exec: "{self.argv[0]}": executable file not found in $PATH')
        return [found, *self.argv[1:]]


def image_environment(scratch: Path) -> dict[str, str]:
    """What every program of the image gets: this Python's programs, and nothing of the server's own."""
    scratch.mkdir(parents=True, exist_ok=True)
    programs = Path(sys.prefix) / "bin"
    return {
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PYTHONUNBUFFERED": "1",
    }


def _read(output: IO[bytes], on_lines: OnLines) -> None:
    """Give each chunk's whole lines on at once: no waiting, and few calls for chatty programs."""
    rest = b""
    while chunk := os.read(output.fileno(), 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            on_lines([line.decode(errors="replace") for line in lines])
    if rest:
        on_lines([rest.decode(errors="replace")])
    output.close()
