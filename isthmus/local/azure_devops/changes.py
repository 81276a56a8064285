"""What changed: in a commit, between two versions, and on the way to a build; and trees."""

from __future__ import annotations

from pathlib import Path

from isthmus.local.azure_devops import builds, gitcli
from isthmus.local.azure_devops.access import VIEW_BUILDS
from isthmus.local.azure_devops.call import Call
from isthmus.local.azure_devops.commits import commit_of, commit_reference, version
from isthmus.local.azure_devops.faults import Fault
from isthmus.local.azure_devops.organization import NOTHING
from isthmus.local.azure_devops.repositories import of
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

KINDS = {"A": "add", "M": "edit", "D": "delete", "T": "edit"}


def of_commit(call: Call) -> Document:
    """A GitCommitChanges: against the first parent."""
    folder = call.organization.git(of(call))
    commit = commit_of(call, call.path["commitId"])
    first = next(iter(commit.parents), NOTHING)
    found = _changes(folder, first, commit.id)
    return {"changeCounts": _counts(found), "changes": call.page(found, top=100)}


def between(call: Call) -> Document:
    """A GitCommitDiffs, from the base's (or the common) commit to the target's."""
    repository = of(call)
    folder = call.organization.git(repository)
    base, target = (version(call, repository, prefix, "") for prefix in ("base", "target"))
    common = gitcli.merge_base(folder, base, target) or base
    found = _changes(folder, common if call.flag("diffCommonCommit") else base, target)
    return {
        "allChangesIncluded": True,
        "changeCounts": _counts(found),
        "changes": call.page(found, top=100),
        "commonCommit": common,
        "baseCommit": base,
        "targetCommit": target,
        "aheadCount": len(gitcli.commits(folder, target, top=1000, without=base)),
        "behindCount": len(gitcli.commits(folder, base, top=1000, without=target)),
    }


def of_build(call: Call) -> list[Document]:
    """The commits of the build that the pipeline's build before had not."""
    run = builds.of(call, VIEW_BUILDS)
    folder = call.organization.git(call.organization.repository(run["repository"]))
    before = next((one for one in call.organization.runs_of(run["pipeline"]) if one["id"] < run["id"]), None)
    found = gitcli.commits(folder, run["sourceVersion"], without=before["sourceVersion"] if before else "")
    return [_build_change(call, run, one) for one in call.page(found, top=50)]


def tree(call: Call) -> Document:
    """A GitTreeRef: what stands in a folder, by the name of its tree."""
    repository, key = of(call), call.path["sha1"]
    folder = call.organization.git(repository)
    listed = gitcli.tree(folder, key, recursive=call.flag("recursive"))
    if not listed:
        message = f"TF401187: The object '{key}' could not be found in '{repository['name']}'."
        raise Fault(404, "GitObjectDoesNotExistException", message)
    entries = [
        {
            "objectId": one.id,
            "relativePath": one.path,
            "mode": one.mode.lstrip("0"),
            "gitObjectType": one.type,
            "size": one.size,
        }
        for one in listed
    ]
    return {"objectId": key, "size": sum(one.size for one in listed), "treeEntries": entries}


def _build_change(call: Call, run: Document, commit: gitcli.Commit) -> Document:
    repository = call.organization.repository(run["repository"])
    shown = commit_reference(call.organization, repository, commit)
    return {
        "id": commit.id,
        "message": commit.message,
        "type": "TfsGit",
        "author": {"displayName": commit.author[0]},
        "timestamp": shown["author"]["date"],
        "location": shown["url"],
    }


def _changes(folder: Path, old: str, new: str) -> list[Document]:
    return [
        {"item": {"path": f"/{path}", "gitObjectType": "blob", "commitId": new}, "changeType": KINDS[kind]}
        for kind, path in gitcli.changes(folder, old, new)
    ]


def _counts(found: list[Document]) -> dict[str, int]:
    kinds = [one["changeType"] for one in found]
    return {kind.title(): kinds.count(kind) for kind in sorted(set(kinds))}


_REPOSITORY = "{project}/_apis/git/repositories/{repositoryId}"
RESOURCES = [
    Resource(
        "5bf884f5-3e07-42e9-afb8-1b872267bf16",
        "git",
        "changes",
        _REPOSITORY + "/commits/{commitId}/changes",
        collection={"GET": of_commit},
    ),
    Resource(
        "615588d5-c0c7-4b88-88f8-e625306446e8",
        "git",
        "diffs",
        _REPOSITORY + "/diffs/commits",
        collection={"GET": between},
    ),
    Resource(
        "729f6437-6f92-44ec-8bee-273a7111063c",
        "git",
        "trees",
        _REPOSITORY + "/trees/{sha1}",
        item={"GET": tree},
    ),
    Resource(
        "54572c7b-bbd3-45d4-80dc-28be08941620",
        "build",
        "changes",
        "{project}/_apis/build/builds/{buildId}/changes",
        2,
        collection={"GET": of_build},
    ),
]
