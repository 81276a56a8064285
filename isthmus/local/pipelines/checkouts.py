"""Checkouts of folders: the files as they stand, over a repository that leads nowhere but into the run.

`origin` is a bare repository of the run: the branches and tags of the folder's, and what steps push. It ends
with the run. Objects are borrowed from the folder's own, never copied: a long history takes no time.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from isthmus.azure.git import git, said
from isthmus.errors import Refused
from isthmus.local.pipelines.folders import NO_COMMIT
from isthmus.local.pipelines.host import Located

_BRANCHES = "+refs/heads/*:refs/remotes/origin/*"
_OF_TOOLS = shutil.ignore_patterns(".git", ".venv", ".isthmus", "node_modules", "__pycache__", "cdk.out")


def fetching(located: Located, *, depth: int, tags: bool) -> list[str]:
    """What `git fetch` is asked after the repository's address; depth 0 is all of the history."""
    wanted = [f"--depth={depth}"] if depth else [_BRANCHES]
    return ["--tags" if tags else "--no-tags", *wanted, located.commit]


def has_history(source: Path, located: Located) -> bool:
    """Whether git's checkout begins at the folder: within one, the history is that of something larger."""
    within = said(source, "rev-parse", "--is-inside-work-tree", "--show-cdup")
    return located.commit != NO_COMMIT and within.strip() == "true"


def make_origin(source: Path, bare: Path, located: Located) -> None:
    """What the server would have if all that can be pushed were pushed now."""
    _borrow(source, bare, "--bare")
    fetch = ("fetch", "-q", "--no-prune", str(source))
    git(bare, *fetch, "+refs/remotes/origin/*:refs/heads/*", "^refs/remotes/origin/HEAD")
    # A branch that is behind the server's, or beside it, stays as the server has it.
    said(bare, *fetch, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
    if branch := said(source, "symbolic-ref", "-q", "HEAD"):
        git(bare, "update-ref", branch, located.commit)
        git(bare, "symbolic-ref", "HEAD", branch)


def make_repository(source: Path, folder: Path, located: Located, origin: Path, fetched: list[str]) -> None:
    """The folder's commit and index, detached as an agent leaves it, and what is fetched of the history."""
    if not (folder / ".git").exists():
        _borrow(source, folder)
        git(folder, "remote", "add", "origin", origin.as_uri())
        # Git's own answer to a relative address of a submodule would lie beside the run's origin.
        for line in said(source, "config", "-z", "--get-regexp", r"^submodule\..*\.url$").split("\0")[:-1]:
            key, _, url = line.partition("\n")
            git(folder, "config", key, url)
            git(folder, "config", f"{key.removesuffix('.url')}.active", "false")
        # Copied files have the size and time that the index knows, and another inode.
        git(folder, "config", "core.checkStat", "minimal")
    git(folder, "-c", "protocol.version=2", "fetch", "-q", "--no-recurse-submodules", "origin", *fetched)
    git(folder, "update-ref", "--no-deref", "HEAD", located.commit)
    index = _within_git(source, "index")
    for part in (*index.parent.glob("sharedindex.*"), *filter(Path.exists, [index])):
        shutil.copy2(part, folder / ".git")


def refresh(folder: Path) -> None:
    """Let git see which of the files are as its index has them."""
    said(folder, "update-index", "-q", "--refresh")


def _borrow(source: Path, repository: Path, *options: str) -> None:
    """An empty repository that finds the objects of the folder's, and knows as little of what came before."""
    repository.mkdir(parents=True, exist_ok=True)
    form = git(source, "rev-parse", "--show-object-format").strip()
    git(repository, "init", "-q", "--template=", f"--object-format={form}", *options)
    alternates = _within_git(repository, "objects/info/alternates")
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{_within_git(source, 'objects')}\n")
    if (shallow := _within_git(source, "shallow")).exists():
        shutil.copy2(shallow, _within_git(repository, "shallow"))


def _within_git(folder: Path, name: str) -> Path:
    return Path(folder, git(folder, "rev-parse", "--git-path", name).removesuffix("\n"))


def lay(source: Path, folder: Path) -> None:
    """Copy the files of a folder: those that git ignores stay, and links are links wherever they lead."""
    try:
        listed = git(source, "ls-files", "-coz", "--exclude-standard").split("\0")
    except (Refused, OSError):
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=_not_copied, symlinks=True)
        return

    @cache
    def leads_away(parent: Path) -> bool:
        return parent != source and (parent.is_symlink() or leads_away(parent.parent))

    for name in dict.fromkeys(filter(None, listed)):
        kept, laid = source / name, folder / name
        # Behind a link lies what git calls deleted here.
        if leads_away(kept.parent):
            continue
        if kept.is_symlink() or kept.is_file():
            laid.parent.mkdir(parents=True, exist_ok=True)
            laid.unlink(missing_ok=True)
            shutil.copy2(kept, laid, follow_symlinks=False)
        elif kept.is_dir() and not name.endswith("/"):
            # A submodule, which an agent leaves empty too.
            laid.mkdir(parents=True, exist_ok=True)


def _not_copied(folder: str, names: list[str]) -> set[str]:
    """Of a folder that git knows nothing of: what tools make, and what is no file, such as a socket."""
    paths = {name: Path(folder, name) for name in names}
    kept = (Path.is_file, Path.is_dir, Path.is_symlink)
    odd = {name for name, path in paths.items() if not any(kind(path) for kind in kept)}
    return odd | set(_OF_TOOLS(folder, names))
