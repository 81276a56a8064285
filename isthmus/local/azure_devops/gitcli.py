"""Git, by its own command, on bare repositories: what the REST API needs of it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from isthmus.local.azure_devops.organization import NOTHING

# No user's or machine's configuration, no prompt, no hook but ours, and no object that another stands in for.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
}
_CONFIG = """[http]
	receivepack = true
[receive]
	denyDeleteCurrent = ignore
[uploadpack]
	allowAnySHA1InWant = true
[gc]
	auto = 0
"""
_HOOK = """#!/bin/sh
# Branches with a blocking policy change by pull request only.
[ -f protected ] || exit 0
while read -r old new ref; do
  case "$old" in *[!0]*) ;; *) continue ;; esac
  if grep -qxF "$ref" protected; then
    echo "TF402455: Pushes to this branch are not permitted;" \\
      "you must use a pull request to update this branch." >&2
    exit 1
  fi
done
"""


_OBJECT = re.compile(r"[0-9a-f]{40}")


class GitError(Exception):
    """Git said no; its standard error is the message."""


@dataclass(frozen=True)
class Author:
    name: str
    email: str
    date: str = ""

    @property
    def environment(self) -> dict[str, str]:
        given = {"NAME": self.name, "EMAIL": self.email} | ({"DATE": self.date} if self.date else {})
        return {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in given.items()}


@dataclass(frozen=True)
class Commit:
    id: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]
    committer: tuple[str, str, str]
    message: str


@dataclass(frozen=True)
class Entry:
    path: str
    type: str
    id: str
    mode: str = "040000"
    size: int = 0


def git(
    folder: Path, *arguments: str, content: bytes | None = None, env: Mapping[str, str] | None = None
) -> bytes:
    """Run git on a bare repository; raises `GitError`."""
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments],
        input=content if content is not None else b"",
        capture_output=True,
        env=ENVIRONMENT | dict(env or {}),
        check=False,
    )
    if done.returncode:
        raise GitError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
    return done.stdout


def create(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--bare", "-q", "--initial-branch=main", str(folder))
    for key, value in {
        "http.receivepack": "true",
        "receive.denyDeleteCurrent": "ignore",
        "gc.auto": "0",
    }.items():
        git(folder, "config", key, value)
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    hook = folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_HOOK)
    hook.chmod(0o755)


def is_ref(name: str) -> bool:
    """Whether people may make a ref of that name: no pull request's, and none that stands in for a commit."""
    return name.startswith(("refs/heads/", "refs/tags/", "refs/notes/"))


def protect(folder: Path, refs: Iterable[str]) -> None:
    """Which refs the hook refuses to move."""
    (folder / "protected").write_text("".join(f"{ref}\n" for ref in sorted(refs)))


def protected(folder: Path) -> set[str]:
    try:
        return set((folder / "protected").read_text().splitlines())
    except FileNotFoundError:
        return set()


def refs(folder: Path) -> dict[str, str]:
    if _has_none(folder):
        return {}
    lines = git(folder, "for-each-ref", "--format=%(refname) %(objectname)").decode().splitlines()
    found = (line.partition(" ") for line in lines)
    return {name: commit for name, _, commit in found}


def _has_none(folder: Path) -> bool:
    """Whether nothing was pushed yet, which is seen without asking git."""
    packed = folder / "packed-refs"
    return not packed.exists() and not any(one.is_file() for one in (folder / "refs").rglob("*"))


def resolve(folder: Path, revision: str) -> str | None:
    """The commit of a revision, or None."""
    if not revision or revision.startswith("-"):
        return None
    if found := _loose(folder, revision):
        return found
    try:
        return git(folder, "rev-parse", "-q", "--verify", f"{revision}^{{commit}}").decode().strip()
    except (GitError, ValueError):
        return None


def _loose(folder: Path, ref: str) -> str | None:
    """A branch as its file has it, which spares each run that is queued a process; None where git must say.

    Only branches: a tag may be of an object that is no commit.
    """
    if not ref.startswith("refs/heads/") or ".." in ref:
        return None
    try:
        found = (folder / ref).read_text().strip()
    except (OSError, ValueError):
        return None
    return found if _OBJECT.fullmatch(found) else None


@lru_cache(maxsize=2048)
def read(folder: Path, commit: str, path: str) -> bytes | None:
    """A file at a commit (an object's name, so that this never changes), or None."""
    try:
        return git(folder, "cat-file", "blob", f"{commit}:{path.strip('/')}")
    except (GitError, ValueError):
        return None


def tree(folder: Path, commit: str, path: str = "", *, recursive: bool = False) -> list[Entry]:
    """What stands under a folder; nothing where there is no such folder."""
    options = ["-l", *(["-r", "-t"] if recursive else [])]
    spec = f"{commit}:{path.strip('/')}" if path.strip("/") else commit
    try:
        listed = git(folder, "ls-tree", "-z", *options, spec).decode(errors="replace")
    except (GitError, ValueError):
        return []
    prefix = f"{path.strip('/')}/" if path.strip("/") else ""
    found = []
    for line in filter(None, listed.split("\0")):
        meta, _, name = line.partition("\t")
        mode, type_, object_id, size = meta.split()
        found.append(Entry(prefix + name, type_, object_id, mode, int(size) if size.isdecimal() else 0))
    return found


def entry(folder: Path, commit: str, path: str) -> Entry | None:
    """What stands at a path, a file or a folder (the root is one), or None."""
    name = path.strip("/")
    try:
        object_id = git(folder, "rev-parse", "-q", "--verify", f"{commit}:{name}").decode().strip()
        return Entry(name, git(folder, "cat-file", "-t", object_id).decode().strip(), object_id)
    except (GitError, ValueError):
        return None


def commits(
    folder: Path, revision: str, *, top: int = 100, skip: int = 0, path: str = "", without: str = ""
) -> list[Commit]:
    """The history of a revision, newest first; `without` leaves out what that revision reaches."""
    form = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00%x01"
    span = [revision, f"^{without}"] if without else [revision]
    limits = [f"--max-count={top}", f"--skip={skip}"]
    try:
        out = git(folder, "log", f"--format={form}", *limits, *span, "--", *([path] if path else []))
    except GitError:
        return []
    return [_commit(part) for part in out.decode(errors="replace").split("\0\x01") if part.strip()]


@lru_cache(maxsize=2048)
def commit(folder: Path, name: str) -> Commit | None:
    """One commit by its full name, which never changes."""
    return next(iter(commits(folder, name, top=1)), None)


def _commit(part: str) -> Commit:
    id_, tree_, parents, an, ae, ad, cn, ce, cd, message = part.lstrip("\n").split("\0", 9)
    return Commit(id_, tree_, tuple(parents.split()), (an, ae, ad), (cn, ce, cd), message.strip("\n"))


def update(folder: Path, ref: str, new: str, old: str | None = None) -> None:
    """Move, make or (new is `NOTHING`) delete a ref; raises `GitError` when it is not at `old`."""
    if new == NOTHING:
        git(folder, "update-ref", "-d", ref, *([old] if old else []))
    else:
        git(folder, "update-ref", ref, new, *([old] if old else []))


def merge_base(folder: Path, one: str, other: str) -> str | None:
    """The newest commit that both have, or None."""
    try:
        return git(folder, "merge-base", one, other).decode().strip()
    except GitError:
        return None


def merge_tree(folder: Path, target: str, source: str) -> str | None:
    """The tree of a merge, or None where it conflicts."""
    try:
        return git(folder, "merge-tree", "--write-tree", target, source).decode().split()[0]
    except GitError:
        return None


def commit_tree(folder: Path, tree_: str, parents: Iterable[str], message: str, author: Author) -> str:
    arguments = [part for parent in parents for part in ("-p", parent)]
    out = git(
        folder, "commit-tree", tree_, *arguments, "-F", "-", content=message.encode(), env=author.environment
    )
    return out.decode().strip()


def changes(folder: Path, old: str, new: str) -> list[tuple[str, str]]:
    """Git's letter (A, M, D, T) and the path of each file that differs."""
    if old == NOTHING:
        return [("A", entry.path) for entry in tree(folder, new, recursive=True) if entry.type == "blob"]
    out = git(folder, "diff-tree", "-r", "-z", "--name-status", "--no-renames", "--no-commit-id", old, new)
    parts = out.decode(errors="replace").split("\0")
    return list(zip(parts[::2], parts[1::2], strict=False))


def changed_paths(folder: Path, old: str, new: str) -> list[str]:
    return [path for _, path in changes(folder, old, new)]
