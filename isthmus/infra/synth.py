"""Runs a CDK app into a cloud assembly, as a process of its own: CDK's Node never lives in this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from isthmus import lifeline
from isthmus.errors import BadInput, Problem


def synthesize(
    app: Path,
    output: Path,
    *,
    platform: Path | None = None,
    validate: bool = False,
    arguments: tuple[str, ...] = (),
) -> Path:
    """Run the CDK app at `app` and return `output`, which then holds its assembly and nothing else.

    Parameters
    ----------
    platform : the platform.yaml that it reads; without it, `ISTHMUS_PLATFORM` or ./platform.yaml.
    validate : whether CDK checks the templates itself, which costs three seconds. Pipelines do.
    arguments : further words of the app's command line.

    Raises `BadInput` when there is no such app, and `Problem` with the app's last words when it fails.
    """
    if not app.is_file():
        raise BadInput(f"there is no {app.name}", where=str(app), todo="run from the platform repository")
    _clear(output)
    # Beside it until it is whole: one that is killed leaves no part where an assembly is looked for.
    partial = output.with_name(f"{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    # Made here: CDK would say of a folder that cannot be written what Node says.
    partial.mkdir(parents=True)
    process = lifeline.spawn(
        [sys.executable, app.name, *arguments],
        cwd=app.resolve().parent,
        env=_environment(partial, platform, validate),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _, said = process.communicate()
    finally:
        code = lifeline.stop(process)
    if code:
        shutil.rmtree(partial, ignore_errors=True)
        raise Problem(_reason(said.decode(errors="replace")), where=str(app))
    return partial.replace(output)


def _environment(output: Path, platform: Path | None, validate: bool) -> dict[str, str]:
    said = {"CDK_OUTDIR": str(output.resolve()), "CDK_VALIDATION": "true" if validate else "false"}
    file = platform or os.environ.get("ISTHMUS_PLATFORM")
    if file:
        said["ISTHMUS_PLATFORM"] = str(Path(file).resolve())
    return os.environ | said


def _clear(output: Path) -> None:
    """What an earlier synth left there must not be published with this one."""
    if not output.exists():
        return
    if any(output.iterdir()) and not (output / "manifest.json").exists():
        raise BadInput(
            "the output folder holds something that is no assembly", where=str(output), todo="name another"
        )
    shutil.rmtree(output)


def _reason(stderr: str) -> str:
    """The last words of a traceback; JavaScript's part of it says the same at greater length."""
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    mine = [i for i, line in enumerate(lines) if line.startswith(("isthmus.errors.", "RuntimeError:"))]
    return "\n".join(lines[mine[-1] :] if mine else lines[-3:]) or "the CDK app failed and said nothing"
