"""The files that one compilation reads: the root, and the templates that it names in any repository."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from contextlib import contextmanager

from isthmus.errors import NotFound, did_you_mean
from isthmus.local.pipelines.host import Located, Repository, Request, Sources
from isthmus.local.pipelines.nodes import Mapping, Node, Place, Scalar, Source, broken, load
from isthmus.local.pipelines.parameters import Parameter, declared, is_typed
from isthmus.local.pipelines.prechecking import check_file
from isthmus.local.pipelines.problems import Notes, TooMuch

MAX_FILES = 100
MAX_DEPTH = 100
MAX_INCLUDED = 5000


class Library:
    """Reads files once, checks each, and keeps count: a run may include a hundred files."""

    def __init__(self, sources: Sources, request: Request) -> None:
        self.sources = sources
        self.request = request
        self.repositories: dict[str, Located] = {}
        self.extends: list[tuple[str, str, str, str]] = []
        self.warnings: list[str] = []
        self.notes = Notes()
        self.depth = 0
        self._included = 0
        self._files: dict[tuple[str, str], Mapping] = {}

    def locate(self, repository: Repository) -> Located:
        located = self.sources.locate(repository)
        self.repositories[repository.alias] = located
        return located

    def read(self, source: Source, at: Place | None = None) -> Mapping:
        """A file, parsed and checked; `at` is the line that names it."""
        key = (source.located.repository.alias, source.path)
        if key in self._files:
            return self._files[key]
        try:
            text = self.sources.read(source.located, source.path)
        except NotFound as error:
            raise broken(error.what, at or str(source), error.todo) from None
        if text is None:
            where = f"the repository {source.located.name or source.located.repository.alias!r}"
            raise broken(f"there is no file {source.path!r} in {where}", at or str(source))
        if len(self._files) >= MAX_FILES:
            raise broken(f"a pipeline may read {MAX_FILES} files and no more", at or str(source))
        root = load(text, source)
        self.warnings += check_file(root, [parameter.name for parameter in declared(root)])
        self._files[key] = root
        return root

    @contextmanager
    def within(self) -> Iterator[None]:
        """While a template is read that stands in another one."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def template(self, reference: Scalar) -> tuple[Mapping, list[Parameter] | None]:
        """The file that `template:` names, beside the file in which the name stands or at an alias.

        Its parameters are None when it is written in the old way, which takes any.
        """
        source = self._resolve(reference)
        self._included += 1
        if self._included > MAX_INCLUDED:
            raise TooMuch(
                f"a pipeline includes {MAX_INCLUDED:,} templates and no more", where=str(reference.at)
            )
        if self.depth >= MAX_DEPTH:
            raise broken(f"templates are nested more than {MAX_DEPTH} deep: {source}", reference.at)
        root = self.read(source, reference.at)
        return root, declared(root) if is_typed(root) else None

    def _resolve(self, reference: Scalar) -> Source:
        path, _, alias = reference.text.replace("\\", "/").partition("@")
        here = reference.at.source
        if not path:
            raise broken("`template` names no file", reference.at)
        located = here.located
        if alias:
            located = self._aliased(alias, reference.at)
        if path.startswith("/") or located.repository.alias != here.located.repository.alias:
            return Source(located, posixpath.normpath(path.lstrip("/")))
        joined = posixpath.normpath(posixpath.join(posixpath.dirname(here.path), path))
        if joined.startswith(".."):
            raise broken(f"the template {path!r} lies outside of its repository", reference.at)
        return Source(located, joined)

    def _aliased(self, alias: str, at: Place) -> Located:
        if alias in self.repositories:
            return self.repositories[alias]
        known = ", ".join(sorted(self.repositories))
        raise broken(
            f"there is no repository {alias!r} in `resources`{did_you_mean(alias, self.repositories)}",
            at,
            f"declared: {known}",
        )


def texts(node: Node | None) -> AbstractMapping[str, Scalar]:
    """The scalar entries of a mapping."""
    if not isinstance(node, Mapping):
        return {}
    return {key.text: value for key, value in node.entries if isinstance(value, Scalar)}
