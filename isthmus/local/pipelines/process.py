"""A step's process: its lines as they come, and its end by itself, by cancellation or by a deadline."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from isthmus import lifeline

_LOOK_EVERY = 0.2
_LAST_LINES = 2.0
End = Literal["exited", "stopped", "timeout"]


@dataclass(frozen=True)
class Ended:
    how: End
    code: int
    wrote_to_stderr: bool = False


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    on_lines: Callable[[list[str]], None],
    should_stop: Callable[[], bool],
    job: ExitStack,
    deadline: float | None = None,
    apart: bool = False,
) -> Ended:
    """Run to the end; `on_lines` gets standard output and standard error in the order of arrival.

    `deadline` is of `time.monotonic`. `apart` reads standard error through a pipe of its own, to know
    whether anything was written to it. What it leaves in the background runs on until `job` is closed.
    Raises `OSError` or `ValueError` when the process cannot start.
    """
    stderr = subprocess.PIPE if apart else subprocess.STDOUT
    telling, told = os.pipe()
    try:
        process = lifeline.spawn(argv, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=stderr, tell=told)
    except BaseException:
        os.close(telling)
        raise
    finally:
        os.close(told)
    job.callback(lifeline.stop, process)
    return _follow(process, os.fdopen(telling, "rb"), on_lines, should_stop, deadline)


def _follow(
    process: subprocess.Popen[bytes],
    telling: IO[bytes],
    on_lines: Callable[[list[str]], None],
    should_stop: Callable[[], bool],
    deadline: float | None,
) -> Ended:
    lines: queue.Queue[tuple[str, str | None]] = queue.Queue()
    pipes = {"out": process.stdout, "err": process.stderr, "code": telling}
    open_pipes = {name for name, pipe in pipes.items() if pipe is not None}
    for name in open_pipes:
        pipe = pipes[name]
        assert pipe is not None  # noqa: S101 - filtered above
        threading.Thread(target=_read, args=(name, pipe, lines), daemon=True).start()
    code: int | None = None
    how: End = "exited"
    noisy, patience = False, None
    while open_pipes:
        found = _available(lines)
        open_pipes -= {name for name, line in found if line is None}
        noisy = noisy or any(name == "err" and line and line.strip() for name, line in found)
        code = next((int(line) for name, line in found if name == "code" and line), code)
        on_lines([line for name, line in found if line is not None and name != "code"])
        ended = "code" not in open_pipes
        if how == "exited" and not ended:
            how = _reason(should_stop, deadline)
            if how != "exited":
                lifeline.stop(process)
        # What goes on in the background may hold the pipe; nobody waits for it.
        if ended:
            patience = patience or time.monotonic() + _LAST_LINES
            if time.monotonic() > patience:
                break
    return Ended(how, process.wait() if code is None else code, noisy)


def _reason(should_stop: Callable[[], bool], deadline: float | None) -> End:
    if should_stop():
        return "stopped"
    return "timeout" if deadline is not None and time.monotonic() > deadline else "exited"


def _available(lines: queue.Queue[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """Wait a moment for a line, then take all that are there."""
    try:
        found = [lines.get(timeout=_LOOK_EVERY)]
    except queue.Empty:
        return []
    while True:
        try:
            found.append(lines.get_nowait())
        except queue.Empty:
            return found


def _read(name: str, pipe: IO[bytes], lines: queue.Queue[tuple[str, str | None]]) -> None:
    with pipe:
        for line in pipe:
            lines.put((name, line.decode("utf-8", "replace").rstrip("\r\n")))
    lines.put((name, None))
