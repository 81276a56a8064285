"""Artifacts: PublishPipelineArtifact, DownloadPipelineArtifact, those of builds, and `download:`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path

from isthmus.local.pipelines.matching import matches
from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.tasks.task import Task
from isthmus.local.pipelines.workspace import Workspace


def _publish(step: Running, default: str = "") -> None:
    path = step.path("targetPath" if step.input("targetPath") else "path")
    if not path.exists():
        raise StepFailed(f"the path {str(path)!r} does not exist")
    default = default or step.job.variables.get("System.JobIdentifier")
    name = step.input("artifact") or step.input("artifactName") or default
    step.upload_artifact(name, path)
    step.log(f"Published {path} as the artifact {name!r}")


def _publish_build(step: Running) -> None:
    """Build artifacts of one name, from several jobs, become one."""
    path = step.path("PathtoPublish") if step.input("PathtoPublish") else step.job.workspace.staging
    if not path.exists():
        raise StepFailed(f"the path {str(path)!r} does not exist")
    name = step.input("ArtifactName", "drop")
    step.upload_artifact(name, path, merge=True)
    step.log(f"Published {path} as the artifact {name!r}")


def _download_build(step: Running) -> None:
    """Each artifact into a folder of its name, by default under $(Build.ArtifactStagingDirectory)."""
    workspace = step.job.workspace
    target = step.job.sources / step.input("downloadPath", str(workspace.staging))
    name = step.input("artifactName") if step.input("downloadType", "single").lower() == "single" else ""
    for each in [name] if name else step.job.host.artifacts():
        _fetch(step, each, target / each, step.input("itemPattern"))


def _download(step: Running, default: Callable[[Workspace], Path] = attrgetter("root")) -> None:
    folder = step.input("targetPath") or step.input("path") or step.input("downloadPath")
    name = step.input("artifact") or step.input("artifactName")
    target = step.job.sources / folder if folder else default(step.job.workspace)
    patterns = step.input("patterns") or step.input("itemPattern")
    if name:
        _fetch(step, name, target, patterns)
        return
    for each in step.job.host.artifacts():
        _fetch(step, each, target / each, patterns)


def _download_shorthand(step: Running) -> None:
    """`download: current`: each artifact into a folder of its name under $(Pipeline.Workspace)."""
    name = step.input("artifact")
    for each in [name] if name else step.job.host.artifacts():
        _fetch(step, each, step.job.workspace.root / step.input("path", each), step.input("patterns"))


def _fetch(step: Running, name: str, target: Path, patterns: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if not patterns or patterns.strip() == "**":
        step.job.host.download_artifact(name, target)
        step.log(f"Downloaded the artifact {name!r} to {target}")
        return
    whole = step.job.workspace.temporary / f"artifact-{step.record.id}"
    step.job.host.download_artifact(name, whole)
    count = 0
    for file in sorted(path for path in whole.rglob("*") if path.is_file()):
        relative = file.relative_to(whole)
        if matches(relative.as_posix(), patterns.splitlines()):
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target / relative)
            count += 1
    shutil.rmtree(whole)
    step.log(f"Downloaded {count} files of the artifact {name!r} to {target}")


def _only_current(step: Step) -> None:
    inputs = {key.lower(): text for key, text in step.inputs.items()}
    source = inputs.get("source") or inputs.get("buildtype") or inputs.get("buildtypes") or "current"
    if source not in ("current", "none"):
        raise broken(
            f"artifacts of another run ({source!r}) cannot be downloaded here", step.at, "use current"
        )


def _publishes_here(step: Step) -> None:
    inputs = {key.lower(): text for key, text in step.inputs.items()}
    place = inputs.get("publishlocation") or inputs.get("artifacttype") or "pipeline"
    if place.lower() not in ("pipeline", "container"):
        raise broken("artifacts are published to the pipeline here, not to a file share", step.at)


# Known, so that what is said of them is why they cannot be followed here.
_OF_ANOTHER_RUN = (
    "project",
    "pipeline",
    "definition",
    "runVersion",
    "runId",
    "runBranch",
    "preferTriggeringPipeline",
    "specificBuildWithTriggering",
    "buildVersionToDownload",
    "branchName",
    "pipelineId",
    "tags",
    "allowPartiallySucceededBuilds",
    "allowFailedBuilds",
)
PUBLISH = Task(
    _publish,
    ("targetPath", "path", "artifact", "artifactName", "publishLocation", "artifactType"),
    required=("targetPath",),
    aliases={"targetPath": ("path",)},
    check=_publishes_here,
)
PUBLISH_0 = Task(partial(_publish, default="drop"), ("artifactName", "targetPath"), required=("targetPath",))
DOWNLOAD = Task(
    _download,
    (
        "buildType",
        "source",
        "artifact",
        "artifactName",
        "patterns",
        "itemPattern",
        "targetPath",
        "path",
        "downloadPath",
        *_OF_ANOTHER_RUN,
    ),
    check=_only_current,
)
DOWNLOAD_1 = Task(
    partial(_download, default=attrgetter("staging")),
    ("buildType", "artifactName", "itemPattern", "downloadPath", "targetPath", "buildId", *_OF_ANOTHER_RUN),
    check=_only_current,
)
PUBLISH_BUILD = Task(
    _publish_build,
    (
        "PathtoPublish",
        "ArtifactName",
        "publishLocation",
        "ArtifactType",
        "MaxArtifactSize",
        "StoreAsTar",
        "Parallel",
        "ParallelCount",
        "FileCopyOptions",
    ),
    check=_publishes_here,
)
DOWNLOAD_BUILD = Task(
    _download_build,
    (
        "buildType",
        "downloadType",
        "artifactName",
        "itemPattern",
        "downloadPath",
        "cleanDestinationFolder",
        "parallelizationLimit",
        "checkDownloadedFiles",
        "retryDownloadCount",
        "extractTars",
    ),
    check=_only_current,
)
DOWNLOAD_SHORTHAND = Task(
    _download_shorthand, ("source", "artifact", "patterns", "path"), check=_only_current
)
