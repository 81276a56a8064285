"""CI triggers: a push runs the pipelines whose YAML, at that commit, says so, or whose settings instead."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.organization import NOTHING, Organization, RefUpdate
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.runs import Wanted, queue
from isthmus.local.azure_devops.store import Document

# `settingsSourceType` of a definition's trigger: its own settings, or its YAML.
OWN, YAML = 1, 2
FROM_YAML: Document = {
    "triggerType": "continuousIntegration",
    "settingsSourceType": YAML,
    "branchFilters": [],
    "pathFilters": [],
    "batchChanges": False,
    "maxConcurrentBuildsPerBranch": 1,
}
SKIP = ("[skip ci]", "[ci skip]", "***no_ci***", "[skip azurepipelines]", "skip-checks: true")


def on_push(
    organization: Organization, repository: Document, principal: Principal, updates: list[RefUpdate]
) -> None:
    for update in updates:
        if update.new == NOTHING or not update.name.startswith("refs/heads/"):
            continue
        if _skips(organization, repository, update):
            continue
        for pipeline in _triggered(organization, repository, update):
            queue(
                organization,
                pipeline,
                Wanted(principal, update.name, update.new, reason="individualCI", tolerant=True),
            )


def _skips(organization: Organization, repository: Document, update: RefUpdate) -> bool:
    newest = gitcli.commit(organization.git(repository), update.new)
    message = newest.message.lower() if newest else ""
    return any(mark in message for mark in SKIP)


def _triggered(organization: Organization, repository: Document, update: RefUpdate) -> Iterable[Document]:
    folder = organization.git(repository)
    changed: list[str] | None = None
    for pipeline in organization.pipelines:
        if pipeline["repository"] != repository["id"]:
            continue
        trigger = _override(pipeline)
        if trigger is None:
            trigger = _trigger(gitcli.read(folder, update.new, pipeline["path"]))
        if trigger is None or not _matches(update.name, *_filter(trigger, "branches", ["*"])):
            continue
        include, exclude = _filter(trigger, "paths", [])
        if include or exclude:
            if changed is None:
                changed = gitcli.changed_paths(folder, update.old, update.new)
            if not any(_path_matches(path, include, exclude) for path in changed):
                continue
        yield pipeline


def _override(pipeline: Document) -> dict[str, Any] | None:
    """The CI trigger that the pipeline's own settings say in place of its YAML; None where they say none."""
    for one in pipeline.get("triggers", ()):
        if one["triggerType"] == FROM_YAML["triggerType"] and one.get("settingsSourceType") == OWN:
            return {
                "branches": _signed(one.get("branchFilters") or []),
                "paths": _signed(one.get("pathFilters") or []),
            }
    return None


def _signed(filters: list[str]) -> dict[str, list[str]]:
    """`+refs/heads/main` includes, `-docs` excludes."""
    return {
        kind: [one[1:] for one in filters if one.startswith(sign)]
        for kind, sign in (("include", "+"), ("exclude", "-"))
    }


def _trigger(content: bytes | None) -> dict[str, Any] | None:
    """The `trigger:` of a file in its long form; None where a push runs nothing."""
    if content is None:
        return None
    try:
        root = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506 -- BaseLoader makes only text
    except yaml.YAMLError:
        # The run shows what is wrong with it.
        return {}
    given = root.get("trigger", {}) if isinstance(root, dict) else {}
    if given == "none":
        return None
    if isinstance(given, list):
        return {"branches": {"include": given}}
    return given if isinstance(given, dict) else {}


def _filter(trigger: dict[str, Any], kind: str, default: list[str]) -> tuple[list[str], list[str]]:
    given = trigger.get(kind) or {}
    if isinstance(given, list):
        return given, []
    return list(given.get("include") or default), list(given.get("exclude") or [])


def _matches(ref: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    def hit(patterns: Sequence[str]) -> bool:
        full = (p if p.startswith("refs/") else f"refs/heads/{p}" for p in patterns)
        return any(fnmatch.fnmatchcase(ref, pattern) for pattern in full)

    return hit(include) and not hit(exclude)


def _path_matches(path: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether a path is included; the longer of an including and an excluding pattern decides."""

    def longest(patterns: Sequence[str]) -> int:
        plain = (pattern.strip("/") for pattern in patterns)
        hits = (
            p for p in plain if fnmatch.fnmatchcase(path, p) or path.startswith(f"{p}/") or p in ("", "*")
        )
        return max((len(p) for p in hits), default=-1)

    inside, outside = longest(include) if include else 0, longest(exclude)
    return inside >= 0 and inside > outside
