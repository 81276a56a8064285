"""CopyFiles@2 and DeleteFiles@1."""

from __future__ import annotations

import shutil
from pathlib import Path

from isthmus.local.pipelines.matching import find_files, matches
from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.tasks.task import Task


def _copy(step: Running) -> None:
    source, target = step.folder("SourceFolder"), step.path("TargetFolder")
    flat, overwrite = step.flag("flattenFolders"), step.flag("OverWrite")
    if step.flag("CleanTargetFolder"):
        shutil.rmtree(target, ignore_errors=True)
    count = 0
    for file in find_files(source, step.input("Contents", "**").splitlines()):
        if file.is_relative_to(target):
            continue
        below = file.relative_to(source) if file.is_relative_to(source) and not flat else Path(file.name)
        copy = target / below
        if copy.exists() and not overwrite:
            step.log(f"Skipped {below}: it is there already")
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
        count += 1
    step.log(f"Copied {count} files from {source} to {target}")


def _delete(step: Running) -> None:
    """Only below the job's own folders: the machine is somebody's."""
    folder = step.folder("SourceFolder").resolve()
    if not folder.is_relative_to(step.job.workspace.root.resolve()):
        raise StepFailed(f"{folder} does not lie in the job's folders: nothing is deleted there")
    patterns = step.input("Contents", "myFileShare").splitlines()
    found = [one for one in folder.rglob("*") if matches(one.relative_to(folder).as_posix(), patterns)]
    for one in found:
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one, ignore_errors=True)
        else:
            one.unlink(missing_ok=True)
    if step.flag("RemoveSourceFolder") and not any(folder.iterdir()):
        folder.rmdir()
    step.log(f"Deleted {len(found)} files and folders in {folder}")


COPY_FILES = Task(
    _copy,
    (
        "SourceFolder",
        "Contents",
        "TargetFolder",
        "CleanTargetFolder",
        "OverWrite",
        "flattenFolders",
        "preserveTimestamp",
        "retryCount",
        "delayBetweenRetries",
        "ignoreMakeDirErrors",
    ),
    required=("TargetFolder",),
)
DELETE_FILES = Task(_delete, ("SourceFolder", "Contents", "RemoveSourceFolder", "RemoveDotFiles"))
