"""The folders of one job on an agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isthmus.local.pipelines.host import Located
from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Step


@dataclass(frozen=True)
class Workspace:
    """`root` is $(Pipeline.Workspace)."""

    root: Path

    @property
    def sources(self) -> Path:
        return self.root / "s"

    @property
    def staging(self) -> Path:
        return self.root / "a"

    @property
    def binaries(self) -> Path:
        return self.root / "b"

    @property
    def results(self) -> Path:
        return self.root / "TestResults"

    @property
    def temporary(self) -> Path:
        return self.root / "_temp"

    def make(self) -> None:
        for folder in (self.sources, self.staging, self.binaries, self.results, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)

    def variables(self) -> dict[str, str]:
        return {
            "Agent.BuildDirectory": str(self.root),
            "Agent.TempDirectory": str(self.temporary),
            "Agent.WorkFolder": str(self.root.parent),
            "Agent.RootDirectory": str(self.root.parent),
            "Agent.HomeDirectory": str(self.root.parent),
            "Agent.ToolsDirectory": str(self.root.parent / "_tool"),
            "Build.ArtifactStagingDirectory": str(self.staging),
            "Build.StagingDirectory": str(self.staging),
            "Build.BinariesDirectory": str(self.binaries),
            "Build.SourcesDirectory": str(self.sources),
            "Build.Repository.LocalPath": str(self.sources),
            "Common.TestResultsDirectory": str(self.results),
            "Pipeline.Workspace": str(self.root),
            "System.ArtifactsDirectory": str(self.staging),
            "System.DefaultWorkingDirectory": str(self.sources),
        }


def checkouts(steps: Sequence[Step]) -> list[Step]:
    """The steps that check something out."""
    return [step for step in steps if step.task == "checkout" and step.inputs["repository"] != "none"]


def checkout_folder(workspace: Workspace, step: Step, located: Located, *, alone: bool) -> Path:
    """Where a repository goes: `s` when it is the job's only one, else `s/<its name>`, or its `path`."""
    path = step.inputs.get("path", "")
    if path:
        folder = (workspace.root / path).resolve()
        if not folder.is_relative_to(workspace.root.resolve()):
            raise broken(f"the path {path!r} lies outside of $(Pipeline.Workspace)", step.at)
        return folder
    return workspace.sources if alone else workspace.sources / located.name
