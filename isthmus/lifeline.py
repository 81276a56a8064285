"""Processes that never outlive the one that started them, `kill -9` included.

A supervisor stands between parent and child and holds the reading end of a pipe whose writing end only
the parent has. However the parent ends, the kernel closes the pipe; the supervisor then asks the child to
stop (SIGTERM), and after `grace` seconds kills it and all that it started: its process group, and on Linux
also whoever left that group, for there orphans become the supervisor's. Works from any thread, without
privileges. This file runs as the supervisor too, so it imports nothing beyond the standard library's
smallest modules: it adds about 15 ms to a start.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

GRACE = 5.0
_PR_SET_CHILD_SUBREAPER = 36


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    grace: float = GRACE,
    pass_fds: Sequence[int] = (),
    tell: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` so that it ends when this process ends, or when `stop` is called.

    The returned process is the supervisor: its exit code is the child's (128 + n after signal n), and
    SIGTERM to it stops the child in the same way as the parent's end does. The child's standard input is
    empty. The child leads a process group of its own, and has the file descriptors `pass_fds`.

    What the child started ends with it, unless `tell` is given, the writing end of a pipe: its exit code is
    written there as a line, and what it left behind goes on until `stop`.
    """
    reading, writing = os.pipe()
    try:
        told = () if tell is None else (tell,)
        handed = [",".join(map(str, one)) for one in ((reading, *told), pass_fds)]
        supervisor = [sys.executable, "-I", "-S", __file__, *handed, str(grace), *argv]
        process = subprocess.Popen(
            supervisor,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(reading, *told, *pass_fds),
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
    """Ask the child to stop, kill it if it does not and what it left behind, and return its exit code."""
    writing = process.__dict__.pop("_lifeline", None)
    if writing is not None:
        os.close(writing)
    return process.wait(timeout)


def _supervise(lifeline: int, told: list[int], pass_fds: list[int], grace: float, argv: list[str]) -> int:
    _adopt_orphans()
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

    def wait_while(it_goes_on: Callable[[], bool], deadline: float | None = None) -> None:
        """Until then, or until somebody wants it to stop; with a deadline, until that instead."""
        nonlocal stopping
        while it_goes_on() and (deadline is not None or not stopping):
            seconds = None if deadline is None else deadline - time.monotonic()
            if seconds is not None and seconds <= 0:
                return
            # Not select(2): a parent with a thousand files open hands down numbers that are too high for it.
            watched = select.poll()
            for one in [wake_reading] if deadline is not None else [wake_reading, lifeline]:
                watched.register(one, select.POLLIN)
            ready = {one for one, _ in watched.poll(None if seconds is None else 1000 * seconds)}
            stopping = stopping or lifeline in ready
            if wake_reading in ready:
                os.read(wake_reading, 64)

    def child_runs() -> bool:
        return _reap(child) and child.returncode is None

    wait_while(child_runs)
    deadline = time.monotonic() + grace
    if child_runs():
        child.terminate()
        wait_while(child_runs, deadline)
    if told and not child_runs():
        _tell(told[0], _code(child))
        wait_while(lambda: _reap(child) or _signalled(os.killpg, child.pid, 0))
        deadline = time.monotonic() + grace
    _signalled(os.killpg, child.pid, signal.SIGKILL)
    child.wait()
    # Those who left the group may be such supervisors, whose children want to be asked first.
    if _reap(child) and _signalled_all(signal.SIGTERM):
        wait_while(lambda: _reap(child), deadline)
    while _reap(child) and _signalled_all(signal.SIGKILL):
        os.waitpid(-1, 0)
    return _code(child)


def _code(child: subprocess.Popen[bytes]) -> int:
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _tell(told: int, code: int) -> None:
    """Tell the exit code, and hold no output open for which somebody waits."""
    with contextlib.suppress(BrokenPipeError):
        os.write(told, f"{code}\n".encode())
    os.close(told)
    nothing = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nothing, descriptor)


def _adopt_orphans() -> None:
    """Let this process be the parent of whoever below loses his own; only Linux can, prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap(child: subprocess.Popen[bytes]) -> bool:
    """Take note of the child's end, and of adopted ones'; gives whether any of them is left."""
    try:
        while ended := os.waitpid(-1, os.WNOHANG):
            pid, status = ended
            if not pid:
                return True
            if pid == child.pid:
                child.returncode = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        pass
    return False


def _descendants() -> list[int]:
    """All below this process that still run, parents first; proc(5)."""
    below: dict[str, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text(errors="replace").rpartition(") ")[2].split()[:2]
            if state != "Z":
                below.setdefault(parent, []).append(stat.parent.name)
    found = [str(os.getpid())]
    for pid in found:
        found += below.get(pid, [])
    return [int(pid) for pid in found[1:]]


def _signalled_all(number: int) -> bool:
    """Whether anyone below this process could be sent the signal."""
    sent = [_signalled(os.kill, pid, number) for pid in _descendants()]
    return any(sent)


def _signalled(send: Callable[[int, int], None], target: int, number: int) -> bool:
    try:
        send(target, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    (reading, *told), handed = ([int(one) for one in text.split(",") if one] for text in sys.argv[1:3])
    sys.exit(_supervise(reading, told, handed, float(sys.argv[3]), sys.argv[4:]))
