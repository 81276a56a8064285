"""What reviewers' votes on a pull request mean under the two policies about reviewers."""

from __future__ import annotations

from fnmatch import fnmatchcase

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.faults import invalid
from isthmus.local.azure_devops.organization import NOTHING, Organization
from isthmus.local.azure_devops.store import Document

REVIEWERS = "fa4e907d-c16b-4a4c-9dfa-4906e5d171dd"
REQUIRED = "fd2167ab-b0be-447a-8ec8-39368250530e"
APPROVED, REJECTED = 5, -10


def given_settings(organization: Organization, kind: str, settings: Document) -> None:
    """Refuse settings that could not be evaluated."""
    if kind == REVIEWERS and not isinstance(settings.get("minimumApproverCount"), int):
        raise invalid("settings.minimumApproverCount must be a number.")
    if kind == REQUIRED:
        ids = settings.get("requiredReviewerIds")
        if not isinstance(ids, list) or not ids:
            raise invalid("settings.requiredReviewerIds must name at least one identity.")
        for one in ids:
            if organization.principals.get(str(one)) is None:
                raise invalid(f"There is no identity {one}, so it cannot review.")
        for pattern in settings.get("filenamePatterns") or []:
            if not str(pattern).startswith("/"):
                raise invalid(
                    f"settings.filenamePatterns: {pattern} is no path from the root, evaluated here."
                )


def verdict(organization: Organization, policy: Document, request: Document) -> str:
    """The status of the policy's evaluation: `approved`, `rejected`, or `running` while votes are missing.

    `notApplicable` where the request changes no file that the policy is about.
    """
    settings = policy["settings"]
    if not _concerns(organization, settings.get("filenamePatterns") or [], request):
        return "notApplicable"
    votes = {
        who: vote for who, vote in request["reviewers"].items() if _counts(organization, policy, request, who)
    }
    if REJECTED in votes.values() and not settings.get("allowDownvotes"):
        return "rejected"
    approvals = sum(vote >= APPROVED for vote in votes.values())
    return "approved" if approvals >= int(settings.get("minimumApproverCount") or 1) else "running"


def _concerns(organization: Organization, patterns: list[str], request: Document) -> bool:
    """https://learn.microsoft.com/azure/devops/repos/git/branch-policies#automatically-include-code-reviewers"""
    if not patterns:
        return True
    folder = organization.git(organization.repository(request["repository"]))
    source, target = (gitcli.resolve(folder, request[key]) for key in ("source", "target"))
    base = gitcli.merge_base(folder, source, target) if source and target else None
    paths = gitcli.changed_paths(folder, base or NOTHING, source) if source else []
    return any(fnmatchcase(f"/{path}", pattern) for path in paths for pattern in patterns)


def _counts(organization: Organization, policy: Document, request: Document, who: str) -> bool:
    settings = policy["settings"]
    if who == request["createdBy"] and not settings.get("creatorVoteCounts"):
        return False
    if who == request.get("lastPusher") and settings.get("blockLastPusherVote"):
        return False
    if policy["type"] == REVIEWERS:
        return True
    voter = organization.principals.get(who)
    required = settings["requiredReviewerIds"]
    return voter is not None and any(
        organization.principals.is_or_belongs(voter, str(one)) for one in required
    )
