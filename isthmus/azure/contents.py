"""What a repository is filled with, and how it gets there: by an ordinary git push.

Only files that git tracks or would track are taken, so that no virtual environment or cache gets along.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isthmus.azure.client import authorization
from isthmus.azure.wanted import Content
from isthmus.errors import BadInput, Refused

# What of a checkout the pipelines need: the package itself, so that a commit of main is a version of it too.
PLATFORM = (
    "platform.yaml",
    "app.py",
    "azure-pipelines",
    "bridge",
    "cdk",
    "cdk.json",
    "gateway",
    "isthmus",
    "pyproject.toml",
    "README.md",
    "requirements",
)
# Where git does not say, because the folder is in no checkout.
NEVER = {
    ".git",
    ".venv",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".mypy_cache",
    "node_modules",
    "cdk.out",
}
AUTHOR = "Isthmus"
EMAIL = "isthmus@platform.example"


@dataclass(frozen=True)
class Folders:
    """Where the contents are: a checkout for the platform, and one folder for each kind of repository."""

    platform: Path
    model_build: Path
    model_deploy: Path
    platform_file: Path | None = None
    """What stands in as platform.yaml, where it is not the checkout's own."""

    def of(self, content: Content) -> Path:
        return {
            "platform": self.platform,
            "model-build": self.model_build,
            "model-deploy": self.model_deploy,
        }[content]

    def files(self, content: Content) -> dict[str, Path]:
        """The files by their path in the repository; raises `BadInput` where there are none."""
        folder = self.of(content)
        found = {str(file.relative_to(folder)): file for file in tracked(folder)}
        if content == "platform":
            found = {path: file for path, file in found.items() if path.split("/")[0] in PLATFORM}
            if self.platform_file:
                found["platform.yaml"] = self.platform_file
        if not found:
            raise BadInput(f"there is nothing to fill the repository {content} with", where=str(folder))
        return found


def tree(files: dict[str, Path]) -> str:
    """The name that git gives to these contents."""
    with _work_tree(files) as folder:
        return _git(folder, "write-tree").strip()


def remote_tree(url: str, token: str) -> str:
    """The contents of main at the remote; empty where there is no main."""
    with tempfile.TemporaryDirectory() as folder:
        _git(Path(folder), "init", "-q", "-b", "main")
        if not _git(Path(folder), "ls-remote", url, "refs/heads/main", token=token):
            return ""
        _git(Path(folder), "fetch", "-q", "--depth=1", url, "refs/heads/main", token=token)
        return _git(Path(folder), "rev-parse", "FETCH_HEAD^{tree}").strip()


def push(files: dict[str, Path], url: str, token: str, message: str) -> None:
    """Make these files the contents of main, in one commit on top of what is there."""
    with _work_tree(files) as folder:
        if _git(folder, "ls-remote", url, "refs/heads/main", token=token):
            _git(folder, "fetch", "-q", "--depth=1", url, "refs/heads/main", token=token)
            _git(folder, "reset", "-q", "--soft", "FETCH_HEAD")
        _git(folder, "commit", "-q", "--allow-empty", "-m", message)
        _git(folder, "push", "-q", url, "HEAD:refs/heads/main", token=token)


@contextmanager
def _work_tree(files: dict[str, Path]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _git(folder, "init", "-q", "-b", "main")
        for path, file in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
        _git(folder, "add", "-A", "-f")
        yield folder


def tracked(folder: Path) -> Iterator[Path]:
    """The files of a folder that git tracks or would; without a checkout, all but caches."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder", todo="name the folder of contents")
    try:
        listed = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except Refused:
        listed = ""
    paths = [folder / path for path in listed.split("\0") if path]
    if not paths:
        paths = [file for file in folder.rglob("*") if not NEVER & set(file.relative_to(folder).parts)]
    return (file for file in sorted(paths) if file.is_file())


def _git(folder: Path, *arguments: str, token: str = "") -> str:
    """Git in that folder; the token goes by the environment, where no list of processes shows it."""
    identity = {
        f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in _IDENTITY.items()
    }
    env = os.environ | identity | {"GIT_TERMINAL_PROMPT": "0"}
    if token:
        env |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: {authorization(token)}",
        }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(f"git {arguments[0]} failed: {done.stderr.strip()}", where=str(folder))
    return done.stdout


_IDENTITY = {"NAME": AUTHOR, "EMAIL": EMAIL}
