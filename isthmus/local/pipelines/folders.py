"""Repositories that are folders on this machine: the `Sources` of `isthmus run`, and of tests."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from isthmus.azure.git import said
from isthmus.errors import BadInput, NotFound, did_you_mean
from isthmus.local.pipelines.host import Located, Repository, VariableValue
from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Plan
from isthmus.local.pipelines.problems import Notes
from isthmus.local.pipelines.selection import all_steps

NO_COMMIT = "0" * 40


class FolderSources:
    """`folders` maps repository aliases to folders; `self` is one of them."""

    def __init__(
        self, folders: Mapping[str, Path], groups: Mapping[str, Mapping[str, VariableValue]] | None = None
    ) -> None:
        self.folders = {alias: Path(folder).resolve() for alias, folder in folders.items()}
        self.groups = groups or {}
        self._counters: dict[str, int] = {}

    def locate(self, repository: Repository) -> Located:
        """A repository without a folder may be named; it is missed once a file or a checkout needs it."""
        folder = self.folders.get(repository.alias)
        if folder is None:
            name = repository.name.rsplit("/", 1)[-1] or repository.alias
            return Located(repository, repository.alias, name, repository.ref, NO_COMMIT)
        head = said(folder, "rev-parse", "HEAD") or NO_COMMIT
        branch = said(folder, "symbolic-ref", "-q", "HEAD") or "refs/heads/main"
        name = repository.name.rsplit("/", 1)[-1] or folder.name
        return Located(
            repository, repository.alias, name, repository.ref or branch, head, url=folder.as_uri()
        )

    def require(self, plan: Plan) -> None:
        """Raise for every checkout of a repository that has no folder."""
        notes = Notes()
        for step in all_steps(plan):
            alias = step.inputs.get("repository", "none") if step.task == "checkout" else "none"
            if alias in plan.repositories:
                try:
                    self.folder(alias)
                except NotFound as error:
                    notes.note(broken(error.what, step.at, error.todo))
        notes.settle()

    def folder(self, alias: str) -> Path:
        if alias not in self.folders:
            raise NotFound(
                f"no folder is given for the repository {alias!r}{did_you_mean(alias, self.folders)}",
                todo=f"add --repository {alias}=FOLDER",
            )
        return self.folders[alias]

    def read(self, located: Located, path: str) -> str | None:
        root = self.folder(located.repository.alias)
        try:
            file = (root / path).resolve()
            if not file.is_relative_to(root) or not file.is_file():
                return None
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise BadInput("the file is not text in UTF-8", where=path) from None
        except (OSError, ValueError, RuntimeError):
            # A name that no file can have, or links in a circle.
            return None

    def variable_group(self, name: str) -> Mapping[str, VariableValue]:
        if name not in self.groups:
            what = f"there is no variable group {name!r} here{did_you_mean(name, self.groups)}"
            raise NotFound(
                what, todo=f"add --group {shlex.quote(name)}=FILE, a YAML file of `name: value` lines"
            )
        return self.groups[name]

    def counter(self, prefix: str, seed: int) -> int:
        self._counters[prefix] = self._counters.get(prefix, seed - 1) + 1
        return self._counters[prefix]
