"""A step while it runs: its inputs, its process, its log, and what its logging commands may do."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from isthmus.errors import BadInput, Problem
from isthmus.local.pipelines import process
from isthmus.local.pipelines.host import Host, Issue, Located, Record, Result
from isthmus.local.pipelines.logging_commands import (
    ALLOWED_WHEN_RESTRICTED,
    SUMMARY,
    Command,
    Refusal,
    obey,
    parse,
)
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.secrets import Masker
from isthmus.local.pipelines.store import VariableStore
from isthmus.local.pipelines.timeline import Timeline
from isthmus.local.pipelines.workspace import Workspace


class StepFailed(Exception):
    """The step has failed; the message is its error."""


class StepStopped(Exception):
    """The step was stopped: the run was cancelled, or the time of step or job was up."""


@dataclass
class JobSpace:
    """What the steps of a job share."""

    host: Host
    timeline: Timeline
    masker: Masker
    variables: VariableStore
    workspace: Workspace
    record: Record
    repositories: Mapping[str, Located]
    rename: Callable[[str], None]
    outputs: dict[str, str] = field(default_factory=dict)
    """By `step.variable`."""
    path: list[str] = field(default_factory=list)
    """Folders that steps have put before PATH, the last first."""
    background: ExitStack = field(default_factory=ExitStack)
    """What steps left running, which ends with the job."""
    alone: bool = True
    """Whether the job checks out at most one repository."""
    deadline: float | None = None
    cancelled: Callable[[], bool] = lambda: False
    interrupted: bool = False
    """Whether it was noted that the run was cancelled or the job's time is up."""

    @property
    def sources(self) -> Path:
        """$(System.DefaultWorkingDirectory): where steps work unless they say otherwise."""
        return Path(self.variables.get("System.DefaultWorkingDirectory", str(self.workspace.sources)))


class Running:
    """One step of a job; it is the `Receiver` of its own logging commands."""

    def __init__(self, step: Step, name: str, record: Record, job: JobSpace, deadline: float | None) -> None:
        self.step = step
        self.name = name
        self.record = record
        self.job = job
        self.deadline = deadline
        self.completed: tuple[Result, str] | None = None
        job.variables.set("System.TaskInstanceId", record.id)
        job.variables.set("System.TaskInstanceName", name)
        self.inputs = {key: job.variables.expand(text) for key, text in step.inputs.items()}
        self._lock = threading.Lock()

    # ---- what tasks use

    def input(self, name: str, default: str = "") -> str:
        """An input by its name, ignoring case, with macros expanded."""
        lowered = name.lower()
        found = next((text for key, text in self.inputs.items() if key.lower() == lowered), "")
        return found if found.strip() else default

    def flag(self, name: str, default: bool = False) -> bool:
        return self.input(name, str(default)).lower() == "true"

    def folder(self, name: str) -> Path:
        """An input that is a folder, relative to $(System.DefaultWorkingDirectory), which is its default."""
        folder = self.job.sources / self.input(name, ".")
        if not folder.is_dir():
            raise StepFailed(f"the folder {str(folder)!r} of {name!r} does not exist")
        return folder

    def path(self, name: str) -> Path:
        if not self.input(name):
            raise StepFailed(f"the input {name!r} of {self.step.task} is required")
        return self.job.sources / self.input(name)

    def log(self, *lines: str) -> None:
        """Lines of the agent's own; nothing in them is a command."""
        if lines:
            self.job.host.log(self.record.id, [self.job.masker.mask(line) for line in lines])

    def script_file(self, text: str, suffix: str) -> Path:
        """The text as a file in the agent's temporary folder."""
        path = self.job.workspace.temporary / f"{self.record.id}{suffix}"
        path.write_text(text, encoding="utf-8")
        return path

    def execute(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        extra: Mapping[str, str] | None = None,
        fail_on_stderr: bool = False,
    ) -> int:
        """Run a process to its end, its output in the step's log; gives its exit code."""
        try:
            ended = process.run(
                argv,
                env=self.environment() | dict(extra or {}),
                cwd=cwd or self.job.sources,
                on_lines=self._output,
                should_stop=self.job.cancelled,
                job=self.job.background,
                deadline=self._deadline(),
                apart=fail_on_stderr,
            )
        except (OSError, ValueError) as error:
            raise StepFailed(f"{argv[0]} does not start: {error}") from None
        if ended.how == "stopped":
            raise StepStopped("the run was cancelled")
        if ended.how == "timeout":
            raise StepStopped("the task or its job ran longer than its timeoutInMinutes")
        if fail_on_stderr and ended.wrote_to_stderr:
            raise StepFailed("the task wrote to standard error, and failOnStderr is true")
        return ended.code

    def environment(self) -> dict[str, str]:
        """The host's variables, the job's, then the step's `env`, the only way for secrets."""
        job = self.job
        found = {
            **job.host.environment(job.workspace.root),
            **job.variables.environment(),
            "TF_BUILD": "True",
        }
        found |= {name: job.variables.expand(text) for name, text in self.step.env.items()}
        if job.path:
            found["PATH"] = os.pathsep.join([*job.path, found.get("PATH", "")])
        return found

    def warn(self, message: str) -> None:
        self.add_issue("warning", message)

    # ---- what logging commands ask

    def set_variable(self, name: str, value: str, *, secret: bool, output: bool, readonly: bool) -> None:
        allowed = self.step.settable
        if allowed is not None and name.lower() not in (one.lower() for one in allowed):
            raise Refusal(f"the step may not set the variable {name!r}: its target's settableVariables")
        if self.job.variables.is_readonly(name):
            raise Refusal(f"the variable {name!r} is read-only")
        if secret:
            self.add_secret(value)
        if output:
            self.job.outputs[f"{self.name}.{name}"] = value
            name = f"{self.name}.{name}"
        self.job.variables.set(name, value, secret=secret, readonly=readonly)

    def add_secret(self, value: str) -> None:
        self.job.masker.add(value)

    def add_issue(self, kind: str, message: str) -> None:
        self.log(f"##[{kind}]{message}")
        issue = Issue("error" if kind == "error" else "warning", self.job.masker.mask(message))
        self.job.timeline.issue(self.record, issue)

    def complete(self, result: str, message: str) -> None:
        results: dict[str, Result] = {"failed": "failed", "succeededWithIssues": "succeededWithIssues"}
        self.completed = (results.get(result, "succeeded"), message)

    def progress(self, percent: int, message: str) -> None:
        self.job.timeline.change(self.record, percent=percent)
        if message:
            self.log(message)

    def prepend_path(self, folder: str) -> None:
        self.job.path.insert(0, folder)

    def attach(self, type_: str, name: str, path: Path) -> None:
        if type_ == SUMMARY:
            # It is shown to people, as the log is.
            shown = self.job.masker.mask(path.read_text(encoding="utf-8", errors="replace"))
            path = self.script_file(shown, f"-{len(name)}-summary.md")
        self.job.host.attach(self.record.id, type_, name, path)

    def upload_artifact(self, name: str, path: Path, *, merge: bool = False) -> None:
        """Raises `BadInput` for a name that is no name of a folder."""
        if not name.strip(". ") or set(name) & set('\\/":<>|*?\0'):
            raise BadInput(f"{name!r} is no name of an artifact", todo='leave out \\ / " : < > | * ?')
        self.job.host.upload_artifact(name, path, self.record.id, merge=merge)

    def add_tag(self, tag: str) -> None:
        self.job.host.tag(self.job.masker.mask(tag))

    def set_build_number(self, number: str) -> None:
        number = self.job.masker.mask(number)
        self.job.rename(number)
        self.job.variables.set("Build.BuildNumber", number)

    def debug(self, message: str) -> None:
        """Shown where the variable System.Debug is true."""
        if self.job.variables.get("System.Debug").lower() == "true":
            self.log(f"##[debug]{message}")

    # ---- within

    def _output(self, lines: list[str]) -> None:
        kept: list[str] = []
        for line in lines:
            command = parse(line) if "##vso[" in line else None
            if command is None:
                kept.append(line)
                continue
            self.log(*kept)
            kept = []
            self._obey(command)
        self.log(*kept)

    def _obey(self, command: Command) -> None:
        try:
            if self.step.commands == "restricted" and command.name not in ALLOWED_WHEN_RESTRICTED:
                raise Refusal(f"the step's target restricts commands; {command.name} is not allowed")
            obey(command, self)
        except (Refusal, Problem, OSError) as error:
            self.warn(str(error))

    def _deadline(self) -> float | None:
        found = [one for one in (self.deadline, self.job.deadline) if one is not None]
        return min(found) if found else None
