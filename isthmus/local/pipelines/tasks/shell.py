"""Scripts: CmdLine@2 (`script:`), Bash@3 (`bash:`) and PowerShell@2 (`pwsh:`, `powershell:`)."""

from __future__ import annotations

import shlex
import shutil

from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.tasks.task import Task

# As the tasks start it: no profile of whoever runs the agent changes what a script does.
BASH_COMMAND = ("bash", "--noprofile", "--norc")


def run_script(step: Running, *, text: str, fail_on_stderr: bool) -> None:
    """Run text as a bash script file; its exit code decides."""
    run_command(step, [*BASH_COMMAND, str(step.script_file(text, ".sh"))], fail_on_stderr=fail_on_stderr)


def run_command(step: Running, argv: list[str], *, fail_on_stderr: bool) -> None:
    cwd = step.folder("workingDirectory")
    code = step.execute(argv, cwd=cwd, fail_on_stderr=fail_on_stderr)
    if code:
        raise StepFailed(f"{argv[0]} exited with code '{code}'")


def _command_line(step: Running) -> None:
    run_script(step, text=step.input("script"), fail_on_stderr=step.flag("failOnStderr"))


def _bash(step: Running) -> None:
    fail_on_stderr = step.flag("failOnStderr")
    if step.input("targetType", "filePath").lower() == "inline":
        run_script(step, text=step.input("script"), fail_on_stderr=fail_on_stderr)
        return
    path = step.path("filePath")
    if not path.is_file():
        raise StepFailed(f"there is no script {str(path)!r}")
    argv = [*BASH_COMMAND, str(path), *shlex.split(step.input("arguments"))]
    run_command(step, argv, fail_on_stderr=fail_on_stderr)


def _powershell(step: Running) -> None:
    if step.input("targetType", "filePath").lower() == "inline":
        preference = step.input("errorActionPreference", "stop")
        text = f"$ErrorActionPreference = '{preference}'\n{step.input('script')}"
        path = step.script_file(text, ".ps1")
    else:
        path = step.path("filePath")
    argv = ["pwsh", "-NoLogo", "-NoProfile", "-NonInteractive", "-File", str(path)]
    argv += shlex.split(step.input("arguments"))
    run_command(step, argv, fail_on_stderr=step.flag("failOnStderr"))


def _needs_pwsh(step: Step) -> None:
    if shutil.which("pwsh") is None:
        raise broken("this step needs PowerShell, and there is no `pwsh` on this machine", step.at)


def _needs_script(step: Step) -> None:
    inputs = {key.lower(): text for key, text in step.inputs.items()}
    inline = inputs.get("targettype", "filePath").lower() == "inline"
    if not inputs.get("script" if inline else "filepath"):
        wanted = "script" if inline else "filePath"
        raise broken(f"{step.task} needs the input {wanted!r}", step.at)


COMMAND_LINE = Task(_command_line, ("script", "failOnStderr", "workingDirectory"), required=("script",))
BASH = Task(
    _bash,
    ("targetType", "filePath", "arguments", "script", "workingDirectory", "failOnStderr"),
    check=_needs_script,
)
POWERSHELL = Task(
    _powershell,
    (
        "targetType",
        "filePath",
        "arguments",
        "script",
        "errorActionPreference",
        "failOnStderr",
        "ignoreLASTEXITCODE",
        "pwsh",
        "workingDirectory",
    ),
    check=_needs_pwsh,
)
