"""A folder that holds a pipeline, compiled and run for real on a terminal that remembers."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from isthmus.local.pipelines.compiler import compile_pipeline
from isthmus.local.pipelines.execution import execute
from isthmus.local.pipelines.folders import FolderSources
from isthmus.local.pipelines.host import (
    Checkpoint,
    Connection,
    Decision,
    Record,
    Request,
    Result,
    RunContext,
    VariableValue,
)
from isthmus.local.pipelines.plan import Plan
from isthmus.local.pipelines.runtime import Outcome
from isthmus.local.pipelines.terminal import Terminal
from isthmus.local.pipelines.variables import predefined

CONTEXT = RunContext(
    build_id=7,
    build_number="20260101.7",
    definition_id=3,
    definition_name="rain-build",
    organization_url="https://dev.azure.com/contoso",
    project="weather",
    project_id="p",
    source_branch="refs/heads/main",
    source_version="c" * 40,
    repository_id="r",
    repository_name="model-build",
    plan_id="plan",
)


class Remembering(Terminal):
    """A terminal that remembers instead of printing, and has one service connection, `cloud`."""

    def __init__(self, sources: FolderSources, work: Path) -> None:
        super().__init__(sources, work, echo=lambda text: None)
        self.lines: list[str] = []
        self.records: dict[str, Record] = {}
        self.checkpoints: list[Checkpoint] = []
        self.refuse: set[str] = set()
        self.tags: list[str] = []
        self.numbers: list[str] = []
        self.attached: list[tuple[str, str, str]] = []
        self.tests: list[tuple[str, list[str]]] = []

    def record(self, record: Record) -> None:
        self.records[record.id] = record

    def log(self, record_id: str, lines: list[str]) -> None:  # type: ignore[override]
        self.lines += lines

    def checkpoint(self, checkpoint: Checkpoint) -> Decision:
        self.checkpoints.append(checkpoint)
        refused = self.refuse & set(checkpoint.environments)
        return Decision(not refused, f"rejected by ada: {', '.join(refused)}" if refused else "")

    def connection(self, name: str) -> Connection:
        if name != "cloud":
            return super().connection(name)
        return Connection("id", name, "client-1", "tenant-1")

    def oidc_token(self, connection: Connection, job_id: str) -> str:
        return f"token-of-{connection.name}"

    def tag(self, tag: str) -> None:
        self.tags.append(tag)

    def build_number(self, number: str) -> None:
        self.numbers.append(number)

    def attach(self, record_id: str, type_: str, name: str, path: Path) -> None:
        self.attached.append((type_, name, path.read_text()))

    def publish_tests(self, record_id: str, title: str, files: list[Path]) -> None:  # type: ignore[override]
        self.tests.append((title, [file.name for file in files]))


@dataclass
class Ran:
    """How a run ended and what could be seen of it."""

    result: Result
    stages: Mapping[str, Outcome]
    host: Remembering

    @property
    def log(self) -> str:
        return "\n".join(self.host.lines)

    def results(self, kind: str = "Job") -> dict[str, str | None]:
        return {one.identifier: one.result for one in self.host.records.values() if one.type == kind}

    def issues(self) -> list[str]:
        return [issue.message for one in self.host.records.values() for issue in one.issues]


@dataclass
class Workshop:
    """Write files, then compile or run the pipeline `pipeline.yml` among them."""

    folder: Path
    groups: dict[str, dict[str, VariableValue]] = field(default_factory=dict)
    others: dict[str, Path] = field(default_factory=dict)

    def write(self, text: str, name: str = "pipeline.yml") -> None:
        path = self.folder / "self" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def sources(self) -> FolderSources:
        return FolderSources({"self": self.folder / "self", **self.others}, self.groups)

    def compile(self, text: str = "", **parameters: object) -> Plan:
        if text:
            self.write(text)
        request = Request(parameters=parameters, predefined=predefined(CONTEXT))
        return compile_pipeline("pipeline.yml", self.sources(), request)

    def run(
        self,
        text: str = "",
        *,
        prepare: Callable[[Remembering], None] = lambda host: None,
        queued: Mapping[str, VariableValue] | None = None,
        **parameters: object,
    ) -> Ran:
        plan = self.compile(text, **parameters)
        work = self.folder / "work"
        host = Remembering(self.sources(), work)
        prepare(host)
        ended = execute(
            plan, CONTEXT, host, work, variables=queued, counter=lambda prefix, seed: seed, agents=2
        )
        return Ran(ended.result, ended.stages, host)

    def said(self, text: str, **parameters: object) -> str:
        """What the steps of a pipeline wrote, without the agent's own lines."""
        ran = self.run(text, **parameters)
        return "\n".join(line for line in ran.host.lines if not line.startswith("Checked out"))


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    (tmp_path / "self").mkdir()
    return Workshop(tmp_path)
