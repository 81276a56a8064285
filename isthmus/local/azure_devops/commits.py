"""Refs, branches, commits and files of a repository."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.access import contributor
from isthmus.local.azure_devops.call import Answer, Call, text
from isthmus.local.azure_devops.enumerations import RECURSION, VERSION_TYPE
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.organization import NOTHING, Organization, RefUpdate
from isthmus.local.azure_devops.repositories import default_branch, of
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


def refs(call: Call) -> list[Document]:
    repository = of(call)
    wanted = "refs/" + call.query.get("filter", "").removeprefix("refs/")
    contains = call.query.get("filtercontains", "")
    found = gitcli.refs(call.organization.git(repository))
    return call.page(
        [
            {
                "name": name,
                "objectId": commit,
                "creator": call.organization.identity(call.organization.principals.build_service),
                "url": f"{_url(call.organization, repository)}/refs?filter={name.removeprefix('refs/')}",
            }
            for name, commit in found.items()
            if name.startswith(wanted) and contains in name
        ]
    )


def update_refs(call: Call) -> list[Document]:
    """Make, move and delete branches, each on its own."""
    contributor(call)
    repository = of(call)
    folder = call.organization.git(repository)
    results, moved = [], []
    for item in call.items:
        name, old, new = (text(item, key, required=True) for key in ("name", "oldObjectId", "newObjectId"))
        status = _update(folder, RefUpdate(name, old, new))
        if status == "succeeded":
            moved.append(RefUpdate(name, old, new))
        results.append(
            {
                "repositoryId": repository["id"],
                "name": name,
                "oldObjectId": old,
                "newObjectId": new,
                "isLocked": False,
                "updateStatus": status,
                "success": status == "succeeded",
            }
        )
    if moved:
        call.organization.refs_updated(repository, call.principal, moved)
    return results


def _update(folder: Path, update: RefUpdate) -> str:
    if not gitcli.is_ref(update.name) or " " in update.name or ".." in update.name:
        return "invalidRefName"
    if update.name in gitcli.protected(folder) and update.old != NOTHING:
        return "rejectedByPolicy"
    if update.new != NOTHING and gitcli.resolve(folder, update.new) is None:
        return "unresolvableToCommit"
    try:
        gitcli.update(folder, update.name, update.new, update.old)
    except gitcli.GitError:
        return "staleOldObjectId"
    return "succeeded"


def history(call: Call) -> list[Document]:
    repository = of(call)
    folder = call.organization.git(repository)
    revision = version(call, repository, "searchcriteria.itemversion")
    top = call.number("searchCriteria.$top", call.number("$top", call.number("top", 100)))
    skip = call.number("searchCriteria.$skip", call.number("$skip", call.number("skip", 0)))
    path = call.query.get("searchcriteria.itempath", "").strip("/")
    return [
        commit_reference(call.organization, repository, each)
        for each in gitcli.commits(folder, revision, top=top, skip=skip, path=path)
    ]


def one_commit(call: Call) -> Document:
    return commit_reference(call.organization, of(call), commit_of(call, call.path["commitId"]))


def commit_of(call: Call, name: str) -> gitcli.Commit:
    """The commit of that name in the repository of the URL."""
    repository = of(call)
    folder = call.organization.git(repository)
    commit = gitcli.resolve(folder, name)
    if commit is None:
        raise not_found(
            f"TF401175: The version descriptor <Commit: {name} > could not be resolved to a version in the "
            f"repository {repository['name']}",
            "GitUnresolvableToCommitException",
        )
    return gitcli.commits(folder, commit, top=1)[0]


def branches(call: Call) -> list[Document] | Document:
    """Branches with their newest commit; only the one named by `name`, where it is given."""
    repository = of(call)
    folder = call.organization.git(repository)
    found = []
    for name, commit in gitcli.refs(folder).items():
        if not name.startswith("refs/heads/"):
            continue
        short = name.removeprefix("refs/heads/")
        if call.query.get("name") in (None, short):
            found.append(
                {
                    "name": short,
                    "commit": commit_reference(
                        call.organization, repository, gitcli.commits(folder, commit, top=1)[0]
                    ),
                    "aheadCount": 0,
                    "behindCount": 0,
                    "isBaseVersion": name == default_branch(call.organization, repository),
                }
            )
    if "name" not in call.query:
        return found
    if not found:
        raise not_found(
            f'Branch "{call.query["name"]}" does not exist in the {repository["name"]} repository.'
        )
    return found[0]


def items(call: Call) -> Answer | list[Document]:
    """One file (its text, or as JSON where that is asked for), or what stands under `scopePath`."""
    repository = of(call)
    path = call.query.get("path") or call.path.get("path")
    commit = version(call, repository, "versiondescriptor")
    if path is None:
        return _listing(call, repository, commit)
    content = gitcli.read(call.organization.git(repository), commit, path)
    if content is None:
        if call.query.get("recursionlevel") or gitcli.tree(call.organization.git(repository), commit, path):
            return _listing(call, repository, commit, path)
        raise Fault(
            404,
            "GitItemNotFoundException",
            f"TF401174: The item '{path}' could not be found in the repository '{repository['name']}' at the "
            f"version specified by '<Commit: {commit}>'.",
        )
    if call.query.get("$format", "").lower() == "json" or call.accept.startswith("application/json"):
        return Answer(_file(call, repository, commit, path, content))
    kind = "text/plain" if call.accept.startswith("text/plain") else "application/octet-stream"
    return Answer(content, content_type=kind)


def _file(call: Call, repository: Document, commit: str, path: str, content: bytes) -> Document:
    file = "/" + path.strip("/")
    folder = call.organization.git(repository)
    blob = gitcli.git(folder, "rev-parse", f"{commit}:{file.strip('/')}").decode().strip()
    found: Document = {
        "objectId": blob,
        "gitObjectType": "blob",
        "commitId": commit,
        "path": file,
        "url": f"{_url(call.organization, repository)}/items{file}?versionType=Commit&version={commit}",
    }
    if call.flag("includeContent"):
        try:
            found["content"] = content.decode()
        except UnicodeDecodeError:
            found["content"] = base64.b64encode(content).decode()
            kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
            found["contentMetadata"] = {"isBinary": True, "contentType": kind}
    return found


def _listing(call: Call, repository: Document, commit: str, path: str = "") -> list[Document]:
    scope = (path or call.query.get("scopepath") or "/").strip("/")
    level = call.word("recursionLevel", RECURSION, "none")
    folder = call.organization.git(repository)
    found = gitcli.tree(folder, commit, scope, recursive=level == "full")
    root = gitcli.entry(folder, commit, scope)
    if root is None:
        raise Fault(404, "GitItemNotFoundException", f"TF401174: The item '/{scope}' could not be found.")
    url = _url(call.organization, repository)
    return [
        {
            "objectId": entry.id,
            "gitObjectType": entry.type,
            "commitId": commit,
            "path": "/" + entry.path,
            **({"isFolder": True} if entry.type == "tree" else {}),
            "url": f"{url}/items/{entry.path}?versionType=Commit&version={commit}",
        }
        for entry in ([root] if level == "none" else [root, *found])
    ]


def version(call: Call, repository: Document, prefix: str, dot: str = ".") -> str:
    """The commit that a version descriptor names; the default branch's where there is none."""
    wanted = call.query.get(f"{prefix}{dot}version", call.query.get("version", ""))
    kind = call.word(f"{prefix}{dot}versionType", VERSION_TYPE) or call.word(
        "versionType", VERSION_TYPE, "branch"
    )
    prefixes = {"branch": "refs/heads/", "tag": "refs/tags/", "commit": ""}
    if kind not in prefixes:
        raise invalid(f"The value '{kind}' is not a versionType.")
    revision = prefixes[kind] + wanted if wanted else default_branch(call.organization, repository)
    commit = gitcli.resolve(call.organization.git(repository), revision)
    if commit is None:
        raise not_found(
            f"TF401175: The version descriptor <{kind.title()}: {wanted} > could not be resolved to a "
            f"version in the repository {repository['name']}",
            "GitUnresolvableToCommitException",
        )
    return commit


def commit_reference(organization: Organization, repository: Document, commit: gitcli.Commit) -> Document:
    """A GitCommitRef."""
    project = organization.projects[repository["project"]]
    web = organization.git_url(project, repository)
    return {
        "commitId": commit.id,
        "treeId": commit.tree,
        "author": dict(zip(("name", "email", "date"), commit.author, strict=True)),
        "committer": dict(zip(("name", "email", "date"), commit.committer, strict=True)),
        "comment": commit.message,
        "parents": list(commit.parents),
        "url": f"{_url(organization, repository)}/commits/{commit.id}",
        "remoteUrl": f"{web}/commit/{commit.id}",
    }


def _url(organization: Organization, repository: Document) -> str:
    return f"{organization.url}/{repository['project']}/_apis/git/repositories/{repository['id']}"


_REPOSITORY = "{project}/_apis/git/repositories/{repositoryId}"
RESOURCES = [
    Resource(
        "2d874a60-a811-4f62-9c9f-963a6ea0a55b",
        "git",
        "refs",
        _REPOSITORY + "/refs",
        collection={"GET": refs, "POST": update_refs},
    ),
    Resource(
        "d5b216de-d8d5-4d32-ae76-51df755b16d3",
        "git",
        "branchStats",
        _REPOSITORY + "/stats/branches",
        collection={"GET": branches},
    ),
    Resource(
        "c2570c3b-5b3f-41b8-98bf-5407bfde8d58",
        "git",
        "commits",
        _REPOSITORY + "/commits/{commitId}",
        collection={"GET": history},
        item={"GET": one_commit},
    ),
    Resource(
        "fb93c0db-47ed-4a31-8c20-47552878fb44",
        "git",
        "items",
        _REPOSITORY + "/items/{*path}",
        collection={"GET": items},
        item={"GET": items},
    ),
]
