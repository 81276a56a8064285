"""Runs a team's script or a module of the image as the program that it is, and reports its failure."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from pathlib import Path

from isthmus.container.paths import failure
from isthmus.errors import Problem


def run(code: Path, argv: list[str]) -> int:
    """Run `argv` (`steps/prepare.py …`, or `-m module …`) with `code` first on the module path.

    Returns the exit code. A `Problem` or an exception becomes the job's failure reason: its last line, with
    the whole trace in the log.
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
        return _exit_code(stop)
    except Problem as problem:
        print(problem, file=sys.stderr)
        failure(problem.what)
        return problem.exit_code
    except Exception as error:  # noqa: BLE001  a script may raise anything, and SageMaker wants its reason
        traceback.print_exc()
        failure(f"{type(error).__name__}: {error}")
        return 1
    return 0


def _existing(code: Path, script: str) -> Path:
    path = code / script
    if not path.is_file():
        raise Problem(f"there is no script {script}", where=str(code))
    return path


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    print(stop.code, file=sys.stderr)
    failure(str(stop.code))
    return 1
