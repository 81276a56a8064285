"""Which pipelines use a file as a template: whoever runs the template itself probably means one of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from isthmus.azure.git import said

_TEMPLATE = re.compile(r"^\s*(?:-\s*)?template:\s*['\"]?([^'\"\s#]+)", re.MULTILINE)
_LEFT_OUT = {".git", ".venv", ".isthmus", "node_modules", "cdk.out"}


def used_by(file: Path, repository: Path) -> list[Path]:
    """The files around `repository` that lead to `file` and are no templates themselves."""
    root = _checkout(repository)
    uses = {one: _templates(one, root) for one in _yaml_files(root)}
    wanted, found, seen = {file.resolve()}, [], set[Path]()
    while wanted:
        target = wanted.pop()
        seen.add(target)
        users = [one for one, templates in uses.items() if target in templates]
        wanted |= set(users) - seen
        if not users and target != file.resolve():
            found.append(target)
    return sorted(found)


def _yaml_files(root: Path) -> Iterable[Path]:
    # Passes over a folder that is gone by then, or that may not be read.
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        yield from (Path(folder, name).resolve() for name in files if name.endswith(".yml"))


def _templates(file: Path, root: Path) -> set[Path]:
    """The files that `template:` may mean: beside this one, or at the root of a repository by alias."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    found = set()
    for name in _TEMPLATE.findall(text):
        path, _, alias = name.partition("@")
        base = root if alias or path.startswith("/") else file.parent
        found.add((base / path.lstrip("/")).resolve())
    return found


def _checkout(repository: Path) -> Path:
    """The checkout around a repository's folder: a template and who extends it may lie side by side in it."""
    return Path(said(repository, "rev-parse", "--show-toplevel") or repository.resolve())
