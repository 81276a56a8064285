"""The merge of a pull request: tried whenever a branch moves, made when it is completed."""

from __future__ import annotations

from pathlib import Path

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import conflict, invalid
from isthmus.local.azure_devops.organization import NOTHING, Organization, RefUpdate, unique_name
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.store import Document

STRATEGIES = ("noFastForward", "squash")


def prepare(organization: Organization, repository: Document, request: Document) -> None:
    """Try the merge, and leave it at `refs/pull/<id>/merge`, where build validation checks it out."""
    folder = organization.git(repository)
    source, target = (gitcli.resolve(folder, request[key]) for key in ("source", "target"))
    if source is None or target is None:
        request |= {"status": "abandoned", "closedDate": now()}
    else:
        number = request["pullRequestId"]
        message = (
            f"Merge pull request {number} from {_short(request['source'])} into {_short(request['target'])}"
        )
        service = organization.principals.build_service
        author = gitcli.Author(service.display_name, "build@azure.example", request["creationDate"])
        merged = _merge(folder, target, source, [target, source], message, author)
        request |= {
            "lastMergeSource": source,
            "lastMergeTarget": target,
            "lastMerge": merged,
            "mergeStatus": "succeeded" if merged else "conflicts",
        }
        if merged:
            gitcli.update(folder, f"refs/pull/{number}/merge", merged)
    organization.table("pullrequest").save(request["pullRequestId"], request)


def complete(organization: Organization, request: Document, principal: Principal) -> None:
    """Merge for good, as its completion options say; raises 409 where it conflicts or is not active."""
    if request["status"] != "active":
        raise conflict(
            f"TF401181: The pull request is {request['status']} already.", "GitPullRequestNotEditable"
        )
    repository = organization.repository(request["repository"])
    folder = organization.git(repository)
    with organization.store.lock:
        target = gitcli.resolve(folder, request["target"]) or NOTHING
        merged = _final(folder, request, target, principal)
        gitcli.update(folder, request["target"], merged, target)
        request |= {
            "status": "completed",
            "lastMerge": merged,
            "mergeStatus": "succeeded",
            "closedBy": principal.id,
            "closedDate": now(),
        }
        organization.table("pullrequest").save(request["pullRequestId"], request)
    updates = [RefUpdate(request["target"], target, merged)]
    if request["completionOptions"].get("deleteSourceBranch"):
        gitcli.update(folder, request["source"], NOTHING, request["lastMergeSource"])
        updates.append(RefUpdate(request["source"], request["lastMergeSource"], NOTHING))
    organization.refs_updated(repository, principal, updates)


def _final(folder: Path, request: Document, target: str, principal: Principal) -> str:
    options = request["completionOptions"]
    strategy = options.get("mergeStrategy") or ("squash" if options.get("squashMerge") else "noFastForward")
    if strategy not in STRATEGIES:
        raise invalid(f"Merging by {strategy} is not supported here; use one of {', '.join(STRATEGIES)}.")
    source = request["lastMergeSource"]
    title = f"Merged PR {request['pullRequestId']}: {request['title']}"
    message = options.get("mergeCommitMessage") or f"{title}\n\n{request['description']}".strip()
    parents = [target] if strategy == "squash" else [target, source]
    author = gitcli.Author(principal.display_name, unique_name(principal))
    merged = _merge(folder, target, source, parents, message, author)
    if merged is None:
        raise conflict("TF401192: The pull request has merge conflicts.", "GitPullRequestConflictException")
    return merged


def _merge(
    folder: Path, target: str, source: str, parents: list[str], message: str, author: gitcli.Author
) -> str | None:
    tree = gitcli.merge_tree(folder, target, source)
    return gitcli.commit_tree(folder, tree, parents, message, author) if tree else None


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/")
