"""A stand-in for a cloud as a process: started, waited for, watched, stopped.

It prints `ready <url>` on standard output when it answers, or `failed <JSON>` with what a person should read.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from isthmus import files, lifeline
from isthmus.errors import Problem, Unavailable

READY_TIMEOUT = 60.0
# How long the end of a process may follow the error that it caused in another.
GRACE = 0.3


@dataclass(frozen=True)
class StandIn:
    """`log` is what it wrote to standard error, from `begin` on since this start."""

    name: str
    state: Path
    process: subprocess.Popen[bytes]
    log: Path
    begin: int

    def wait_until_ready(self) -> None:
        """Raises `Unavailable` with the stand-in's own words, or the end of its log."""
        lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=_drain, args=(self.process, lines), daemon=True).start()
        with contextlib.suppress(queue.Empty):
            while line := lines.get(timeout=READY_TIMEOUT):
                if line.startswith(b"ready "):
                    return
                if line.startswith(b"failed "):
                    raise self._failed(json.loads(line.removeprefix(b"failed ")))
        raise Unavailable(f"{self.name} did not start", where=str(self.log), todo=self._tail())

    def death(self) -> Unavailable | None:
        """How it died, with the end of its log; None while it lives."""
        try:
            code = self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return None
        return Unavailable(f"{self.name} died: {_how(code)}", where=str(self.log), todo=self._tail())

    def _failed(self, said: dict[str, str]) -> Unavailable:
        anew = f"put back a copy of it, or begin anew without any of this state: rm -r {self.state.parent}"
        return Unavailable(
            f"{self.name} did not start: {said['what']}", where=said["where"], todo=said["todo"] or anew
        )

    def _tail(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self.begin)
            lines = log.read().decode(errors="replace").splitlines()[-8:]
        return "the end of its log:\n" + "\n".join(lines) if lines else "its log is empty"


def start(name: str, module: str, state: Path, bound: socket.socket, config: Mapping[str, object]) -> StandIn:
    """Start a stand-in, which takes `bound` over to listen on; it ends with this process at the latest."""
    state.mkdir(parents=True, exist_ok=True)
    files.write(state / "config.json", json.dumps(config, indent=1).encode())
    argv = [sys.executable, "-m", module, "--fd", str(bound.fileno()), "--state", str(state)]
    with bound, (state / "server.log").open("ab") as log:
        begin = log.tell()
        process = lifeline.spawn(
            [*argv, "--config", str(state / "config.json")],
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(bound.fileno(),),
        )
    return StandIn(name, state, process, state / "server.log", begin)


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """What a stand-in's own process runs in: a `Problem` is told to whoever started it, never a traceback."""
    try:
        yield
    except Problem as problem:
        said = {"what": problem.what, "where": problem.where, "todo": problem.todo}
        print(f"failed {json.dumps(said)}", flush=True)
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)


def _environment() -> dict[str, str]:
    """This process's environment without anything that belongs to a cloud."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_"))}


def _how(code: int) -> str:
    if code - 128 in signal.valid_signals():
        return f"killed by {signal.Signals(code - 128).name}"
    return f"exit code {code}"


def _drain(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    for line in process.stdout or ():
        lines.put(line)
    lines.put(b"")
