"""Runs a team's script or a module of the image as the program that it is, and reports its failure."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from pathlib import Path
from types import TracebackType

from isthmus.container.paths import failure
from isthmus.errors import Problem


def run(code: Path, argv: list[str]) -> int:
    """Run `argv` (`steps/prepare.py …`, or `-m module …`) with `code` first on the module path.

    Returns the exit code. A `Problem` or an exception becomes the job's failure reason: its last line and
    the place in `code` that it came from, with the trace from there on in the log.
    """
    if not argv:
        failure("nothing to run: name a script or -m module")
        return 2
    # Threads that spin while they wait starve the other jobs of a small machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if code.is_dir():
        os.chdir(code)
        sys.path.insert(0, str(code))
    try:
        if argv[0] == "-m":
            sys.argv = argv[1:]
            runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = argv
            runpy.run_path(str(_existing(code, argv[0])), run_name="__main__")
    except SystemExit as stop:
        return _exit_code(stop, code)
    except Problem as problem:
        print(problem, file=sys.stderr)
        failure(f"{problem.what} ({problem.where})" if problem.where else problem.what)
        return problem.exit_code
    except Exception as error:  # noqa: BLE001  a script may raise anything, and SageMaker wants its reason
        traceback.print_exception(error.with_traceback(_from_code(error.__traceback__, code)))
        failure(f"{type(error).__name__}: {error}{place(error, code)}")
        return 1
    return 0


def _existing(code: Path, script: str) -> Path:
    path = code / script
    if not path.is_file():
        raise Problem(f"there is no script {script}", where=str(code))
    return path


def _exit_code(stop: SystemExit, code: Path) -> int:
    if not stop.code:
        return 0
    if isinstance(stop.code, int):
        failure(f"it ended itself with exit({stop.code}){place(stop, code)}")
        return stop.code
    print(stop.code, file=sys.stderr)
    failure(f"{stop.code}{place(stop, code)}")
    return 1


def _from_code(trace: TracebackType | None, code: Path) -> TracebackType | None:
    """The trace without what led to the script; all of it where the script is not in it."""
    shown = trace
    while shown is not None and not _is_in(code, shown):
        shown = shown.tb_next
    return shown or trace


def place(error: BaseException, code: Path) -> str:
    """The innermost line of the repository's that an error passed, as ` (file:line)`."""
    found, trace = "", error.__traceback__
    while trace is not None:
        if _is_in(code, trace):
            file = trace.tb_frame.f_code.co_filename.removeprefix(f"{code}/")
            found = f" ({file}:{trace.tb_lineno})"
        trace = trace.tb_next
    return found


def _is_in(code: Path, trace: TracebackType) -> bool:
    return trace.tb_frame.f_code.co_filename.startswith(f"{code}/")
