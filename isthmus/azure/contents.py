"""What a repository is filled with, and how it gets there: by an ordinary git push.

Only files that git tracks or would track are taken, so that no virtual environment or cache gets along.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from isthmus.azure.git import git, said
from isthmus.azure.resources import Content, Repository
from isthmus.errors import BadInput

# What the platform's repository holds. `isthmus` is among it, since jobs install it from there, at a commit.
PLATFORM = (
    "platform.yaml",
    "app.py",
    "azure-pipelines",
    "bridge",
    "cdk",
    "cdk.json",
    "gateway",
    "isthmus",
    "landing",
    "pyproject.toml",
    "README.md",
    "requirements",
)
# Where this program lies, and what every checkout of the platform holds. Installed, it lies in none.
CHECKOUT = Path(__file__).parents[2]
TEMPLATES = "azure-pipelines"
# The parameter of the templates that must agree with platform.yaml.
NAME = "displayName: The name in platform.yaml\n  type: string\n  default: {}\n"
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


@dataclass(frozen=True)
class Folders:
    """Where the contents are: a checkout for the platform, and a folder for each kind of repository.

    Without one, a repository is filled with the folder of its name beside platform.yaml, else of its kind's.
    """

    platform: Path
    model_build: Path | None = None
    model_deploy: Path | None = None
    platform_file: Path | None = None
    """What stands in as platform.yaml, where it is not the checkout's own."""

    @classmethod
    def beside(cls, file: Path) -> Folders:
        """What lies beside platform.yaml; where something does not, this checkout's."""
        file = file.resolve()
        platform = file.parent if (file.parent / TEMPLATES).is_dir() else CHECKOUT
        return cls(platform, platform_file=file)

    def of(self, repository: Repository) -> Path:
        given: dict[Content, Path | None] = {
            "platform": self.platform,
            "model-build": self.model_build,
            "model-deploy": self.model_deploy,
        }
        file = self.platform_file or self.platform / "platform.yaml"
        return given[repository.content] or beside(file, repository.name, repository.content)

    def files(self, repository: Repository) -> dict[str, Path]:
        """The files by their path in the repository; raises `BadInput` where there are none."""
        folder = self.of(repository)
        found = {str(file.relative_to(folder)): file for file in tracked(folder)}
        if repository.content == "platform":
            if TEMPLATES not in {path.split("/")[0] for path in found}:
                raise BadInput(
                    f"this is no checkout of the platform: its folder {TEMPLATES} is missing",
                    where=str(folder),
                    todo="keep platform.yaml in the checkout, or name that: --platform-content DIR",
                )
            found = {path: file for path, file in found.items() if path.split("/")[0] in PLATFORM}
            if self.platform_file:
                found["platform.yaml"] = self.platform_file
        if not found:
            raise BadInput(
                f"there is nothing to fill the repository {repository.name} with", where=str(folder)
            )
        return found


def beside(platform_file: Path, *called: str) -> Path:
    """The folder beside platform.yaml called as the first of these that is there, else the example's."""
    folders = (platform_file.resolve().parent / name for name in called)
    return next(filter(Path.is_dir, folders), CHECKOUT / called[-1])


def tree(files: dict[str, Path]) -> str:
    """The name that git gives to these contents."""
    with _work_tree(files) as folder:
        return git(folder, "write-tree").strip()


def remote_tree(url: str, token: str, branch: str = "main") -> str:
    """The contents of a branch at the remote; empty where there is no such branch."""
    ref = f"refs/heads/{branch}"
    with tempfile.TemporaryDirectory() as folder:
        git(Path(folder), "init", "-q", "-b", "main")
        if not git(Path(folder), "ls-remote", url, ref, token=token):
            return ""
        git(Path(folder), "fetch", "-q", "--depth=1", url, ref, token=token)
        return git(Path(folder), "rev-parse", "FETCH_HEAD^{tree}").strip()


def push(files: dict[str, Path], url: str, token: str, message: str, branch: str = "main") -> None:
    """Make these files the contents of a branch, in one commit on top of main; another branch starts anew."""
    with _work_tree(files) as folder:
        if git(folder, "ls-remote", url, "refs/heads/main", token=token):
            git(folder, "fetch", "-q", "--depth=1", url, "refs/heads/main", token=token)
            git(folder, "reset", "-q", "--soft", "FETCH_HEAD")
        git(folder, "commit", "-q", "--allow-empty", "-m", message)
        anew = ["--force"] if branch != "main" else []
        git(folder, "push", "-q", *anew, url, f"HEAD:refs/heads/{branch}", token=token)


@contextmanager
def _work_tree(files: dict[str, Path]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        git(folder, "init", "-q", "-b", "main")
        for path, file in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
        _name(folder)
        git(folder, "add", "-A", "-f")
        yield folder


def _name(folder: Path) -> None:
    """Let the platform's templates say its name: service connections are called after it."""
    if not (folder / "platform.yaml").exists():
        return
    name = yaml.safe_load((folder / "platform.yaml").read_text())["name"]
    for template in (folder / "azure-pipelines").rglob("*.yml"):
        text = template.read_text()
        template.write_text(text.replace(NAME.format("isthmus"), NAME.format(name)))


def tracked(folder: Path) -> Iterator[Path]:
    """The files of a folder that git tracks or would; without a checkout, all but caches."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder", todo="name the folder of contents")
    listed = said(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    paths = [folder / path for path in listed.split("\0") if path]
    if not paths:
        paths = [file for file in folder.rglob("*") if not NEVER & set(file.relative_to(folder).parts)]
    return (file for file in sorted(paths) if file.is_file())
