"""A pull request: who asks for what, what its policies and people say, and what it changes."""

from __future__ import annotations

from isthmus.local.azure_devops import gitcli, policies
from isthmus.local.azure_devops.faults import not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pages.page import Asked, Page
from isthmus.local.azure_devops.pages.repository import diff
from isthmus.local.azure_devops.store import Document

# What an evaluation is called, as a state that a run could have.
STATES = {
    "approved": "succeeded",
    "rejected": "failed",
    "broken": "failed",
    "running": "running",
    "queued": "pending",
    "notApplicable": "skipped",
}


def one(asked: Asked) -> Page:
    organization, repository = asked.organization, asked.repository()
    request = organization.table("pullrequest").get(asked.path["number"])
    if request is None or request["repository"] != repository["id"]:
        raise not_found(f"There is no pull request {asked.path['number']} in {repository['name']}.")
    folder = organization.git(repository)
    source, target = request["lastMergeSource"], request["lastMergeTarget"]
    shown = {
        "base": asked.base,
        "repository": repository,
        "request": request,
        "checks": _checks(organization, request),
        "comments": _comments(organization, request),
        "commits": gitcli.commits(folder, source, without=target),
        "diff": diff(folder, target, request.get("lastMerge") or source),
    }
    trail = (*asked.trail, (repository["name"], f"{asked.base}/_git/{repository['name']}"))
    return Page("pull_request.html", f"Pull request {request['pullRequestId']}", trail, shown,
                is_live=request["status"] == "active")  # fmt: skip


def _checks(organization: Organization, request: Document) -> list[Document]:
    """What each policy says, with the run that it had made."""
    found = []
    for evaluation in policies.of_pull_request(organization, request["pullRequestId"]):
        policy = organization.table("policy").get(evaluation["policy"]) or {"settings": {}, "type": ""}
        settings = policy["settings"]
        found.append(
            {
                "name": settings.get("displayName") or policies.TYPES.get(policy["type"], "policy"),
                "state": STATES.get(evaluation["status"], evaluation["status"]),
                "message": settings.get("message", ""),
                "run": evaluation.get("run"),
            }
        )
    return found


def _comments(organization: Organization, request: Document) -> list[Document]:
    """The comments of all threads, in the order in which the threads began."""
    number = request["pullRequestId"]
    threads = [one for one in organization.table("thread") if one["pullRequest"] == number]
    return [comment for thread in threads for comment in thread["comments"]]
