"""Processes that never outlive the one that started them, `kill -9` included.

A supervisor stands between parent and child and holds the reading end of a pipe whose writing end only
the parent has. However the parent ends, the kernel closes the pipe; the supervisor then asks the child to
stop (SIGTERM), and after `grace` seconds kills its whole process group. Works on Linux and macOS, from any
thread, without privileges. This file runs as the supervisor too, so it imports nothing beyond the
standard library's smallest modules: it adds about 15 ms to a start.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

GRACE = 5.0


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    grace: float = GRACE,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `argv` so that it ends when this process ends, or when `stop` is called.

    The returned process is the supervisor: its exit code is the child's (128 + n after signal n), and
    SIGTERM to it stops the child in the same way as the parent's end does. The child's standard input is
    empty. The child leads a process group of its own, and has the file descriptors `pass_fds`.
    """
    reading, writing = os.pipe()
    try:
        handed = ",".join(map(str, (reading, *pass_fds)))
        supervisor = [sys.executable, "-I", "-S", __file__, handed, str(grace), *argv]
        process = subprocess.Popen(
            supervisor,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(reading, *pass_fds),
            start_new_session=True,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    process._lifeline = writing  # type: ignore[attr-defined]
    return process


def stop(process: subprocess.Popen[bytes], timeout: float = GRACE + 2) -> int:
    """Ask the child to stop, kill its group if it does not, and return its exit code."""
    writing = process.__dict__.pop("_lifeline", None)
    if writing is not None:
        os.close(writing)
    return process.wait(timeout)


def _supervise(lifeline: int, pass_fds: list[int], grace: float, argv: list[str]) -> int:
    child = subprocess.Popen(argv, start_new_session=True, pass_fds=pass_fds)
    wake_reading, wake_writing = os.pipe()
    os.set_blocking(wake_writing, False)
    signal.set_wakeup_fd(wake_writing)
    stopping = False

    def on_signal(number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = stopping or number != signal.SIGCHLD

    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    waiting = selectors.DefaultSelector()
    for descriptor in (lifeline, wake_reading):
        waiting.register(descriptor, selectors.EVENT_READ)
    while child.poll() is None and not stopping:
        ready = {key.fd for key, _ in waiting.select()}
        stopping = stopping or lifeline in ready
        if wake_reading in ready:
            os.read(wake_reading, 64)
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    reading, *handed = map(int, sys.argv[1].split(","))
    sys.exit(_supervise(reading, handed, float(sys.argv[2]), sys.argv[3:]))
