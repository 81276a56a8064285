"""A repository: how to clone it, its files and branches and newest commits; and one commit."""

from __future__ import annotations

from pathlib import Path

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.faults import not_found
from isthmus.local.azure_devops.pages.page import Asked, Page
from isthmus.local.azure_devops.repositories import default_branch
from isthmus.local.azure_devops.store import Document

NEWEST = 15
LONGEST = 200_000


def one(asked: Asked) -> Page:
    repository = asked.repository()
    folder = asked.organization.git(repository)
    branch = default_branch(asked.organization, repository)
    shown = {
        "base": asked.base,
        "repository": repository,
        "url": asked.organization.git_url(asked.project, repository),
        "branch": branch,
        "branches": [name for name in gitcli.refs(folder) if name.startswith("refs/heads/")],
        "files": gitcli.tree(folder, branch) if branch else [],
        "commits": gitcli.commits(folder, branch, top=NEWEST) if branch else [],
    }
    return Page("repository.html", repository["name"], asked.trail, shown)


def commit(asked: Asked) -> Page:
    repository = asked.repository()
    folder = asked.organization.git(repository)
    name = gitcli.resolve(folder, asked.path["commit"] or "")
    found = gitcli.commit(folder, name) if name else None
    if found is None:
        raise not_found(f"There is no commit {asked.path['commit']} in {repository['name']}.")
    before = found.parents[0] if found.parents else None
    shown = {
        "base": asked.base,
        "repository": repository,
        "commit": found,
        "diff": diff(folder, before, found.id),
    }
    return Page("commit.html", found.id[:8], (*asked.trail, _crumb(asked, repository)), shown)


def diff(folder: Path, old: str | None, new: str) -> list[str]:
    """What changed between two commits, or what the first one holds, line by line."""
    span = [old, new] if old else ["--root", new]
    options = ["-p", "--no-commit-id", "--stat", "--no-ext-diff", "--no-textconv", "-r"]
    out = gitcli.git(folder, "diff-tree", *options, *span).decode(errors="replace")
    cut = ["", "… and more: clone the repository to see it"] if len(out) > LONGEST else []
    return out[:LONGEST].splitlines() + cut


def _crumb(asked: Asked, repository: Document) -> tuple[str, str]:
    return repository["name"], f"{asked.base}/_git/{repository['name']}"
