"""The host of `isthmus run`: one run on this machine, shown on the terminal, with no server behind it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import click

from isthmus.azure.git import OF_A_HOOK
from isthmus.errors import NotFound, Refused, did_you_mean
from isthmus.local.pipelines.asking import Ask
from isthmus.local.pipelines.checkouts import (
    fetching,
    has_history,
    lay,
    make_origin,
    make_repository,
    refresh,
)
from isthmus.local.pipelines.folders import FolderSources
from isthmus.local.pipelines.formatting import formatted
from isthmus.local.pipelines.host import Checkpoint, Connection, Decision, Located, Record
from isthmus.local.pipelines.lending import DO, Lender
from isthmus.local.pipelines.logging_commands import SUMMARY
from isthmus.printable import printable

# A run in the cloud has none of these: credentials come by a service connection or not at all.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AZURE_DEVOPS_TOKEN",
    "AZURE_DEVOPS_EXT_PAT",
)
_MARKS = {
    "succeeded": ("✓", "green"),
    "succeededWithIssues": ("!", "yellow"),
    "failed": ("✗", "red"),
    "canceled": ("✗", "red"),
    "skipped": ("-", "bright_black"),
}


class Terminal:
    """Thread-safe, as a `Host` must be.

    `approved` are environments and jobs that are not asked about, `path` is the PATH of steps.
    """

    def __init__(
        self,
        sources: FolderSources,
        work: Path,
        *,
        approved: Collection[str] = (),
        ask: Ask | None = None,
        echo: Callable[[str], None] = click.echo,
        lent_by: Lender | None = None,
        path_of: Callable[[Path], str] | None = None,
    ) -> None:
        self.cancelled = threading.Event()
        self._sources = sources
        self._work = work
        self._approved = approved
        self._ask = ask
        self._lent_by = lent_by
        self._path_of = path_of
        self._write = echo
        self._lock = threading.RLock()
        self._fetching = threading.Lock()
        self._records: dict[str, Record] = {}
        self._jobs = 0

    def cancelling(self, stage: str) -> threading.Event:
        """Who sits here cancels all of it."""
        return self.cancelled

    # ---- what is shown

    def _echo(self, text: str) -> None:
        self._write(printable(text))

    def record(self, record: Record) -> None:
        with self._lock:
            before = self._records.get(record.id)
            self._records[record.id] = record
            self._jobs += before is None and record.type == "Job"
            if before is None or before.state == record.state:
                return
            if record.type == "Task" and record.state == "inProgress":
                self._echo(click.style(f"▶ {self._path(record)}", bold=True))
            if record.state == "completed" and self._is_news(record):
                self._echo(self._ended(record))

    def log(self, record_id: str, lines: Sequence[str]) -> None:
        with self._lock:
            whose = self._whose(record_id)
            for line in map(formatted, lines):
                if line is not None:
                    self._echo(f"  {whose}│ {line}")

    def _whose(self, record_id: str) -> str:
        """The job that a line is of, while several go on."""
        running = [one for one in self._records.values() if one.type == "Job" and one.state == "inProgress"]
        record = self._records.get(record_id)
        job = self._records.get(record.parent_id or "") if record else None
        return f"{self._path(job)} " if job and len(running) > 1 else ""

    def _is_news(self, record: Record) -> bool:
        """Not what is skipped because all above it is; a phase only when none of its jobs will tell."""
        if record.result != "skipped":
            return record.type != "Phase" or bool(record.issues)
        return record.parent_id is None or self._records[record.parent_id].state == "inProgress"

    def _path(self, record: Record) -> str:
        names = [record.name]
        while record.parent_id:
            record = self._records[record.parent_id]
            if record.type == "Stage" and record.ref_name != "__default":
                names.insert(0, record.name)
            if record.type == "Job" and (self._jobs > 1 or record.ref_name != "__default"):
                names.insert(0, record.name)
        return " / ".join(names)

    def _ended(self, record: Record) -> str:
        assert record.result is not None  # noqa: S101 - it is completed
        mark, colour = _MARKS[record.result]
        took = ""
        if record.start and record.finish:
            took = f"  {(record.finish - record.start).total_seconds():.1f} s"
        text = f"{mark} {self._path(record)}{took}" + (
            "" if record.result == "succeeded" else f"  {record.result}"
        )
        text += f": {record.reason}" if record.reason else ""
        issues = [] if record.type == "Task" else [f"\n  {issue.message}" for issue in record.issues]
        return click.style(text, fg=colour) + "".join(issues)

    # ---- what is asked

    def checkpoint(self, checkpoint: Checkpoint) -> Decision:
        for environment in checkpoint.environments:
            if environment in self._approved:
                continue
            what = f"the environment {environment!r} may have approvals"
            question = f"Stage {checkpoint.stage}: deploy to the environment {environment!r}?"
            decision = self._decision(environment, question, what)
            if not decision.allowed:
                return decision
        return Decision(True)

    def validate(self, record: Record, instructions: str, deadline: float | None) -> Decision:
        name = record.identifier.split(".")[1]
        if name in self._approved:
            return Decision(True)
        return self._decision(
            name, f"{name}: may the run go on?", "somebody is to validate the run", deadline
        )

    def _decision(self, name: str, question: str, what: str, deadline: float | None = None) -> Decision:
        if self._ask is None:
            return Decision(False, f"{what}, and there is no terminal to ask: add --approve {name}")
        with self._lock:
            allowed = self._ask(question, self.cancelled, deadline)
        if allowed:
            return Decision(True)
        if self.cancelled.is_set():
            return Decision(False, "the run was cancelled", canceled=True)
        return Decision(False, f"not approved: {name!r}" if allowed is False else "nobody answered in time")

    def release(self, checkpoint: Checkpoint) -> None:
        pass

    def connection(self, name: str) -> Connection:
        if self._lent_by is None:
            what = f"there is no service connection {name!r} here: nobody lends it"
            raise NotFound(what, todo=DO + "isthmus azure run")
        return self._lent_by.connection(name)

    def oidc_token(self, connection: Connection, job_id: str) -> str:
        if self._lent_by is None:
            raise Refused(f"no token can be had for {connection.name!r} here")
        return self._lent_by.token(connection)

    def access_token(self, job_id: str) -> str:
        return secrets.token_urlsafe(32)

    def agentless(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def completion(self, job_id: str, task_id: str) -> None:
        """Nobody outside of this machine could say that a task of this run is complete."""

    # ---- what steps need

    def environment(self, job: Path) -> Mapping[str, str]:
        found = {name: value for name, value in os.environ.items() if name not in (*_CREDENTIALS, *OF_A_HOOK)}
        own = os.pathsep.join([str(Path(sys.executable).parent), found.get("PATH", os.defpath)])
        found["PATH"] = self._path_of(job) if self._path_of else own
        found.pop("VIRTUAL_ENV", None)
        # Where a checkout has no repository, none that lies around the run's folders is taken for it.
        found["GIT_CEILING_DIRECTORIES"] = str(self._work)
        found.setdefault("PYTHONUNBUFFERED", "1")
        return found

    def checkout(self, located: Located, folder: Path, *, depth: int, tags: bool) -> None:
        """The folder as it stands, not as it was committed: without what git ignores."""
        source = self._sources.folder(located.repository.alias)
        if not has_history(source, located):
            lay(source, folder)
            return
        origin = self._work / "git" / located.repository.alias / located.name
        with self._fetching:
            if not origin.exists():
                make_origin(source, origin, located)
        make_repository(source, folder, located, origin, fetching(located, depth=depth, tags=tags))
        lay(source, folder)
        refresh(folder)

    # ---- what steps give

    def upload_artifact(self, name: str, path: Path, record_id: str, *, merge: bool = False) -> None:
        with self._lock:
            if name in self.artifacts() and not merge:
                raise Refused(f"the run has an artifact {name!r} already")
            target = self._artifacts / name
            target.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copy2(path, target)

    def download_artifact(self, name: str, folder: Path) -> None:
        if name not in self.artifacts():
            raise NotFound(f"the run has no artifact {name!r}{did_you_mean(name, self.artifacts())}")
        shutil.copytree(self._artifacts / name, folder, dirs_exist_ok=True)

    def artifacts(self) -> Sequence[str]:
        return sorted(path.name for path in self._artifacts.glob("*"))

    def attach(self, record_id: str, type_: str, name: str, path: Path) -> None:
        if type_ == SUMMARY:
            self.log(record_id, ["", *path.read_text(encoding="utf-8").splitlines(), ""])

    def publish_tests(self, record_id: str, title: str, files: Sequence[Path]) -> None:
        pass

    def tag(self, tag: str) -> None:
        self._echo(f"  tag: {tag}")

    def build_number(self, number: str) -> None:
        self._echo(f"  build number: {number}")

    def deployed(self, environment: str, record: Record) -> None:
        pass

    @property
    def _artifacts(self) -> Path:
        return self._work / "artifacts"
