"""Pull requests: opened, and completed once the policies of their target let them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.azure.client import Client
from isthmus.azure.policies import TYPES
from isthmus.azure.present import translated
from isthmus.azure.resources import MinimumReviewers
from isthmus.errors import BadInput, Problem, Refused, Unavailable

APPROVED = 10
REJECTED = ("rejected", "broken")


@dataclass(frozen=True)
class PullRequest:
    """A pull request as it is now. `status`: active, completed or abandoned; `commit` is its branch's tip."""

    number: int
    repository: str
    project_id: str
    title: str
    status: str
    commit: str
    author_id: str
    merge_status: str
    merged: str
    url: str


def open_(client: Client, repository: str, branch: str, title: str, *, target: str = "main") -> PullRequest:
    """Ask for the branch to be merged; raises `BadInput` where there is no such branch."""
    asked = {
        "sourceRefName": f"refs/heads/{branch}",
        "targetRefName": f"refs/heads/{target}",
        "title": title,
    }
    return _request(client.post(f"git/repositories/{repository}/pullrequests", asked))


def ensure(client: Client, repository: str, branch: str, title: str) -> PullRequest:
    """The open pull request from the branch to main, which is opened where there is none."""
    return find(client, repository, branch) or open_(client, repository, branch, title)


def find(client: Client, repository: str, branch: str) -> PullRequest | None:
    """The open pull request from the branch to main; None where there is none."""
    query = {"searchCriteria.status": "active", "searchCriteria.sourceRefName": f"refs/heads/{branch}"}
    found = client.get(f"git/repositories/{repository}/pullrequests", **query)["value"]
    return _request(found[0]) if found else None


def get(client: Client, number: int) -> PullRequest:
    return _request(client.get(f"git/pullrequests/{number}"))


def agree(client: Client, request: PullRequest) -> None:
    """Vote for it, as whoever is signed in; raises `Refused` for its author, whose vote does not count."""
    with translated():
        location = client.microsoft.clients_v7_1.get_location_client()
        me = location.get_connection_data().authenticated_user.id
    if me == request.author_id:
        raise Refused(
            f"you opened pull request {request.number} yourself, and your own vote does not count",
            where=request.url,
            todo=f"have somebody else agree: isthmus azure agree {request.number}",
        )
    path = f"git/repositories/{request.repository}/pullrequests/{request.number}/reviewers/{me}"
    client.put(path, {"vote": APPROVED})


def merge(client: Client, request: PullRequest) -> None:
    """Complete it now; raises `Refused` with the policies that it does not meet."""
    path = f"git/repositories/{request.repository}/pullrequests/{request.number}"
    client.patch(path, {"status": "completed", "lastMergeSourceCommit": {"commitId": request.commit}})


def complete(
    client: Client,
    request: PullRequest,
    *,
    tell: Callable[[str], None] = lambda _: None,
    every_seconds: float = 1,
    timeout: float = 3600,
) -> PullRequest:
    """Have it completed as soon as its policies are met, and wait for that; `tell` hears what it waits for.

    Raises `Problem` with the check that failed, or where it cannot be merged.
    """
    path = f"git/repositories/{request.repository}/pullrequests/{request.number}"
    client.patch(path, {"autoCompleteSetBy": {"id": request.author_id}})
    deadline, told = time.monotonic() + timeout, ""
    while (now := _request(client.get(path))).status == "active":
        _raise_for_rejected(client, now)
        if (waits := _unmet(client, now)) not in ("", told):
            tell(f"waits for: {waits}")
            told = waits
        if time.monotonic() > deadline:
            raise Unavailable(f"pull request {now.number} still waits after {timeout:.0f} s", where=now.url)
        time.sleep(every_seconds)
    if now.status != "completed":
        raise Problem(f"pull request {now.number} is {now.status}", where=now.url)
    return now


def runs_of_checks(client: Client, request: PullRequest) -> dict[int, str]:
    """The runs that check it, with the state of each: queued, running, approved, rejected, broken."""
    built = [one for one in _evaluations(client, request) if (one.get("context") or {}).get("buildId")]
    return {int(one["context"]["buildId"]): one["status"] for one in built}


def is_agreed(client: Client, request: PullRequest) -> bool:
    """Whether the votes that main asks for were given."""
    asked = TYPES[MinimumReviewers]
    votes = [one for one in _evaluations(client, request) if one["configuration"]["type"]["id"] == asked]
    return bool(votes) and all(one["status"] == "approved" for one in votes)


def _unmet(client: Client, request: PullRequest) -> str:
    """The policies that do not let it pass yet, by the names that Azure DevOps has for them."""
    waiting = [one for one in _evaluations(client, request) if one["status"] in ("queued", "running")]
    return ", ".join(sorted({one["configuration"]["type"]["displayName"] for one in waiting}))


def _evaluations(client: Client, request: PullRequest) -> list[dict[str, Any]]:
    query = {"artifactId": _artifact(request)}
    found: list[dict[str, Any]] = client.get("policy/evaluations", version="7.1-preview", **query)["value"]
    return found


def _raise_for_rejected(client: Client, request: PullRequest) -> None:
    for run, status in runs_of_checks(client, request).items():
        if status in REJECTED:
            raise Problem(
                f"a check of pull request {request.number} failed: run {run}",
                where=request.url,
                todo=f"see why: isthmus azure log {run}; push a commit that mends it, or run it again: "
                f"isthmus azure rerun {run}",
            )
    if request.merge_status == "conflicts":
        raise BadInput(
            f"pull request {request.number} has conflicts with its target",
            where=request.url,
            todo="merge main into the branch, and push",
        )


def _artifact(request: PullRequest) -> str:
    return f"vstfs:///CodeReview/CodeReviewId/{request.project_id}/{request.number}"


def _request(found: Mapping[str, Any]) -> PullRequest:
    repository, number = found["repository"], found["pullRequestId"]
    return PullRequest(
        number=number,
        repository=repository["name"],
        project_id=repository["project"]["id"],
        title=found["title"],
        status=found["status"],
        commit=found["lastMergeSourceCommit"]["commitId"],
        author_id=found["createdBy"]["id"],
        merge_status=found.get("mergeStatus", ""),
        merged=(found.get("lastMergeCommit") or {}).get("commitId", ""),
        url=f"{repository['webUrl']}/pullrequest/{number}",
    )
