"""Pushes: the ledger of what moved which branch, and commits made over REST."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from pathlib import Path

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.access import contributor
from isthmus.local.azure_devops.call import Call, mapping, objects, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.commits import commit_reference
from isthmus.local.azure_devops.enumerations import CHANGE, CONTENT
from isthmus.local.azure_devops.faults import Fault, conflict, invalid, not_found
from isthmus.local.azure_devops.organization import (
    NOTHING,
    Organization,
    RefUpdate,
    unique_name,
)
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.repositories import of
from isthmus.local.azure_devops.repositories import shown as repository_shown
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


def every(call: Call) -> list[Document]:
    repository = of(call)
    ref = call.query.get("searchcriteria.refname")
    found = [
        push
        for push in call.organization.table("push")
        if push["repository"] == repository["id"]
        and (ref is None or any(update["name"] == ref for update in push["refUpdates"]))
    ]
    found.sort(key=lambda push: -push["pushId"])
    return [_shown(call.organization, repository, push) for push in call.page(found, top=100)]


def one(call: Call) -> Document:
    repository = of(call)
    push = call.organization.table("push").get(call.id("pushId"))
    if push is None or push["repository"] != repository["id"]:
        raise not_found(f"TF401027: The push {call.path['pushId']} does not exist.")
    return _shown(call.organization, repository, push)


def create(call: Call) -> Document:
    """Commit changes onto a branch."""
    contributor(call)
    repository = of(call)
    folder = call.organization.git(repository)
    updates, commits = objects(call.body, "refUpdates"), objects(call.body, "commits")
    if len(updates) != 1 or not commits:
        raise invalid("A push takes exactly one refUpdate, and one or more commits.")
    name = text(updates[0], "name", required=True)
    old = text(updates[0], "oldObjectId", required=True)
    if not name.startswith("refs/heads/"):
        raise invalid(f"TF401021: '{name}' is not the full name of a branch.")
    if name in gitcli.protected(folder) and old != NOTHING:
        raise Fault(
            403,
            "GitRefUpdateRejectedByPolicyException",
            "TF402455: Pushes to this branch are not permitted; you must use a pull request to update this "
            "branch.",
        )
    author = gitcli.Author(call.principal.display_name, unique_name(call.principal))
    with call.organization.store.lock:
        before = gitcli.refs(folder).get(name, NOTHING)
        _refuse_stale(folder, name, before, old)
        tip = _commit_all(folder, name, old, commits, author)
    call.organization.refs_updated(repository, call.principal, [RefUpdate(name, before, tip)])
    made = (push for push in call.organization.table("push") if push["refUpdates"][0]["newObjectId"] == tip)
    push = max(made, key=lambda one: int(one["pushId"]))
    return _shown(call.organization, repository, push)


def record(
    organization: Organization, repository: Document, principal: Principal, updates: list[RefUpdate]
) -> None:
    """Write a push into the ledger."""
    table = organization.table("push")
    with organization.store.lock:
        number = table.next_id()
        table.save(
            number,
            {
                "pushId": number,
                "repository": repository["id"],
                "date": now(),
                "pushedBy": principal.id,
                "refUpdates": [
                    {"name": one.name, "oldObjectId": one.old, "newObjectId": one.new} for one in updates
                ],
            },
        )


def _refuse_stale(folder: Path, name: str, before: str, old: str) -> None:
    """Unless the branch is at `old`; a new branch may start at any commit that is there."""
    if before != old and (before != NOTHING or gitcli.resolve(folder, old) != old):
        raise conflict(
            f"TF401028: The reference '{name}' has already been updated by another client, so you cannot "
            "update it. Please try again.",
            "GitReferenceStaleException",
        )


def _commit_all(folder: Path, name: str, old: str, commits: list[Document], author: gitcli.Author) -> str:
    stream = b"".join(_stream(folder, name, old, commits, author))
    try:
        gitcli.git(folder, "fast-import", "--quiet", "--date-format=now", "--done", content=stream)
    except gitcli.GitError as error:
        raise invalid(f"The push could not be made: {str(error).splitlines()[0]}") from None
    return gitcli.refs(folder)[name]


def _stream(
    folder: Path, name: str, old: str, commits: list[Document], author: gitcli.Author
) -> Iterable[bytes]:
    """The push as git's fast-import reads it."""
    present = set() if old == NOTHING else set(_paths(folder, old))
    for number, commit in enumerate(commits):
        message = text(commit, "comment", required=True).encode()
        who = mapping(commit, "author")
        name_, email = text(who, "name", default=author.name), text(who, "email", default=author.email)
        stamp = f"{_plain(name_)} <{_plain(email)}> now".encode()
        yield b"commit %s\nauthor %s\ncommitter %s\n" % (name.encode(), stamp, stamp)
        yield b"data %d\n%s\n" % (len(message), message)
        if number == 0 and old != NOTHING:
            yield b"from %s\n" % old.encode()
        for change in objects(commit, "changes"):
            yield from _change(change, present)
    yield b"done\n"


def _plain(part: str) -> str:
    return "".join(char for char in part if char not in "<>\n")


def _paths(folder: Path, commit: str) -> Iterable[str]:
    return (entry.path for entry in gitcli.tree(folder, commit, recursive=True) if entry.type == "blob")


def _change(change: Document, present: set[str]) -> Iterable[bytes]:
    kind = text(change, "changeType", required=True, known=CHANGE).lower()
    path = text(mapping(change, "item"), "path", required=True).strip("/")
    if not path or any(part in ("", ".", "..", ".git") for part in path.split("/")) or "\n" in path:
        raise invalid(f"TF401023: '{path}' is not a valid path.")
    if kind == "add" and path in present:
        raise invalid(f"TF401022: The path '/{path}' specified in the add operation already exists.")
    if kind in ("edit", "delete") and path not in present:
        raise invalid(f"TF401024: The path '/{path}' specified in the {kind} operation does not exist.")
    if kind == "delete":
        present.discard(path)
        yield b"D %s\n" % path.encode()
    elif kind == "rename":
        source = text(change, "sourceServerItem", required=True).strip("/")
        if source not in present:
            raise invalid(f"TF401024: The path '/{source}' specified in the rename does not exist.")
        present.discard(source)
        present.add(path)
        yield b"R %s %s\n" % (_quoted(source), path.encode())
    elif kind in ("add", "edit"):
        present.add(path)
        content = _content(mapping(change, "newContent"))
        yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)
    else:
        raise invalid(f"'{kind}' is not a change that can be pushed; use add, edit, delete or rename.")


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.encode()


def _content(given: Document) -> bytes:
    content = text(given, "content")
    if text(given, "contentType", default="rawtext", known=CONTENT).lower() != "base64encoded":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("newContent.content is not valid base64.") from None


def _shown(organization: Organization, repository: Document, push: Document) -> Document:
    """A GitPush."""
    project = organization.projects[repository["project"]]
    url = f"{organization.project_url(project)}/_apis/git/repositories/{repository['id']}"
    update = push["refUpdates"][0]
    tip, old = update["newObjectId"], update["oldObjectId"]
    commits = []
    if tip != NOTHING:
        commits = gitcli.commits(
            organization.git(repository), tip, top=20, without="" if old == NOTHING else old
        )
    return {
        "pushId": push["pushId"],
        "date": push["date"],
        "pushedBy": organization.identity_of(push["pushedBy"]),
        "url": f"{url}/pushes/{push['pushId']}",
        "refUpdates": [one | {"repositoryId": repository["id"]} for one in push["refUpdates"]],
        "commits": [commit_reference(organization, repository, one) for one in commits],
        "repository": repository_shown(organization, repository),
    }


RESOURCES = [
    Resource(
        "ea98d07b-3c87-4971-8ede-a613694ffb55",
        "git",
        "pushes",
        "{project}/_apis/git/repositories/{repositoryId}/pushes/{pushId}",
        2,
        collection={"GET": every, "POST": create},
        item={"GET": one},
    )
]
