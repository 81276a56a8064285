"""PythonScript@0 and UsePythonVersion@0."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.tasks.shell import run_command
from isthmus.local.pipelines.tasks.task import Task

_SPEC = re.compile(r"(>=|<=|==|=|>|<|~|\^)?\s*(\d+)(?:\.(\d+|x))?(?:\.(\d+|x))?")


def _python_script(step: Running) -> None:
    interpreter = step.input("pythonInterpreter", "python")
    if step.input("scriptSource", "filePath").lower() == "inline":
        path = step.script_file(step.input("script"), ".py")
    else:
        path = step.path("scriptPath")
        if not path.is_file():
            raise StepFailed(f"there is no script {str(path)!r}")
    argv = [interpreter, str(path), *shlex.split(step.input("arguments"))]
    run_command(step, argv, fail_on_stderr=step.flag("failOnStderr"))


def _use_python(step: Running) -> None:
    """The Python on PATH if it satisfies the version, else another one that is installed."""
    spec = step.input("versionSpec", "3.x")
    path = step.environment().get("PATH", "")
    for executable in _candidates(path):
        version = _version(executable)
        if version and satisfies(version, spec):
            shown = ".".join(map(str, version))
            step.log(f"Python {shown} at {executable}")
            step.job.variables.set("pythonLocation", str(Path(executable).parent))
            if step.flag("addToPath", True):
                step.prepend_path(str(Path(executable).parent))
            return
    raise StepFailed(f"no Python on this machine satisfies {spec!r}")


def satisfies(version: tuple[int, ...], spec: str) -> bool:
    """Whether a version is in a range such as `3.x`, `3.11` or `>=3.10 <3.13`."""
    terms = _SPEC.findall(spec)
    if not terms:
        raise StepFailed(f"not a version of Python: {spec!r}")
    return all(_term(version, operator, parts) for operator, *parts in terms)


def _term(version: tuple[int, ...], operator: str, parts: list[str]) -> bool:
    wanted = tuple(int(part) for part in parts if part and part != "x")
    mine = version[: len(wanted)]
    if operator == "^":
        return version[0] == wanted[0] and mine >= wanted
    if operator == "~":
        return version[: max(1, len(wanted) - 1)] == wanted[: max(1, len(wanted) - 1)] and mine >= wanted
    order = {">=": mine >= wanted, "<=": mine <= wanted, ">": mine > wanted, "<": mine < wanted}
    return order.get(operator, mine == wanted)


def _candidates(path: str) -> list[str]:
    names = ["python", "python3", *(f"python3.{minor}" for minor in range(20, 8, -1))]
    found = (shutil.which(name, path=path) for name in names)
    return [executable for executable in found if executable]


@lru_cache(maxsize=32)
def _version(executable: str) -> tuple[int, ...] | None:
    done = subprocess.run([executable, "-V"], capture_output=True, text=True, check=False)
    match = re.search(r"Python (\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr)
    return tuple(int(part) for part in match.groups()) if match else None


PYTHON_SCRIPT = Task(
    _python_script,
    (
        "scriptSource",
        "scriptPath",
        "script",
        "arguments",
        "pythonInterpreter",
        "workingDirectory",
        "failOnStderr",
    ),
)
USE_PYTHON_VERSION = Task(
    _use_python,
    ("versionSpec", "addToPath", "architecture", "disableDownloadFromRegistry", "allowUnstable"),
)
