"""`resources.repositories` and `trigger`, as they are written."""

from __future__ import annotations

import re

from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.fields import Fields
from isthmus.local.pipelines.host import Located, Repository
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Mapping, Node, Scalar, Sequence, broken
from isthmus.local.pipelines.plan import Trigger
from isthmus.local.pipelines.templating import Part, sequence, settle

KEYS = ("builds", "containers", "pipelines", "repositories", "webhooks", "packages")
# How it is fetched, which a checkout may say as well.
FETCHING = (
    "clean",
    "fetchDepth",
    "fetchFilter",
    "fetchTags",
    "lfs",
    "persistCredentials",
    "submodules",
)
REPOSITORY = ("repository", "endpoint", "trigger", "name", "ref", "type", *FETCHING)
ALIAS = re.compile(r"[-\w.]+", re.ASCII)
TYPES = ("git", "github", "githubenterprise", "bitbucket")


def read_repositories(part: Part, base: Scope, library: Library) -> dict[str, object]:
    """Pin each repository resource; gives what expressions see as `resources.repositories`."""
    node = settle(part).node
    if isinstance(node, Scalar) or _is_old(node):
        return {}
    resources = Fields.open(part, base)
    resources.allow("`resources`", KEYS)
    seen: dict[str, object] = {}
    for item in sequence(resources.part("repositories")):
        fields = Fields.open(item, base)
        fields.allow("a repository resource", REPOSITORY)
        if fields.text("repository").lower() == "self":
            # It says how `self` is fetched, which checkouts say themselves nowadays.
            continue
        located = _locate(fields, library, {"self", *seen})
        seen[located.repository.alias] = described(located)
    return seen


def _is_old(node: Node) -> bool:
    """The first way to write it, `- repo: self`, says how `self` is fetched and nothing else."""
    return isinstance(node, Sequence) and all(
        isinstance(item, Mapping) and isinstance(repo := item.get("repo"), Scalar) and repo.text == "self"
        for item in node.items
    )


def described(located: Located) -> dict[str, str]:
    """What an expression sees of a repository."""
    return {
        "id": located.id,
        "name": f"{located.project}/{located.name}" if located.project else located.name,
        "ref": located.ref,
        "type": located.repository.type,
        "url": located.url,
        "version": located.commit,
    }


def _locate(fields: Fields, library: Library, taken: set[str]) -> Located:
    alias, kind = fields.text("repository"), fields.text("type", "git").lower()
    if not ALIAS.fullmatch(alias) or alias.lower() in (known.lower() for known in taken):
        raise broken(
            f"the repository name {alias!r} is missing, taken or not of letters, digits, '-' and '_'",
            fields.at,
        )
    if kind not in TYPES:
        raise broken(f"no repository type {kind!r}", fields.place("type"), f"known: {', '.join(TYPES)}")
    if not fields.text("name"):
        raise broken(f"the repository {alias!r} has no `name`", fields.at)
    ref = fields.text("ref")
    full = ref if ref.startswith("refs/") or not ref else f"refs/heads/{ref}"
    return library.locate(Repository(alias, kind, fields.text("name"), full, fields.text("endpoint")))


def inline_repository(alias: str) -> Repository:
    """`git://project/name@ref` as a repository."""
    name, _, ref = alias.removeprefix("git://").partition("@")
    return Repository(alias, "git", name, ref if ref.startswith("refs/") or not ref else f"refs/heads/{ref}")


def read_trigger(part: Part, base: Scope) -> Trigger | None:
    """`trigger:`; None where the file does not say, which means every branch."""
    part = settle(part)
    if isinstance(part.node, Scalar):
        return Trigger(enabled=False) if part.node.text == "none" else None
    holder = Fields({"trigger": (Scalar("trigger", part.at), part)}, part.at, base)
    if not hasattr(part.node, "entries"):
        return Trigger(branches_include=holder.names("trigger"))
    fields = Fields.open(part, base)
    fields.allow("`trigger`", ("batch", "branches", "paths", "tags"))
    branches, paths = _filter(fields, "branches"), _filter(fields, "paths")
    return Trigger(*branches, *paths, batch=fields.flag("batch", False))


def _filter(fields: Fields, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if key not in fields:
        return (), ()
    part = settle(fields.part(key))
    if not hasattr(part.node, "entries"):
        return fields.names(key), ()
    inner = Fields.open(part, fields.base)
    inner.allow(f"`{key}`", ("include", "exclude"))
    return inner.names("include"), inner.names("exclude")
