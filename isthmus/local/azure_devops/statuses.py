"""Statuses that other services give a commit or a pull request: what each found, under a name of its own."""

from __future__ import annotations

from isthmus.local.azure_devops.access import contributor
from isthmus.local.azure_devops.call import Call, mapping, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.commits import commit_of
from isthmus.local.azure_devops.enumerations import COMMIT_STATE
from isthmus.local.azure_devops.faults import invalid
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pull_requests import request_of
from isthmus.local.azure_devops.repositories import of
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


def every(call: Call) -> list[Document]:
    """Newest first; with `latestOnly` one for each name."""
    subject = _subject(call)
    found = [one for one in call.organization.table("status") if one["subject"] == subject]
    found.sort(key=lambda one: -int(one["id"]))
    if call.flag("latestOnly"):
        found = list({(one["genre"], one["name"]): one for one in reversed(found)}.values())[::-1]
    return [_shown(call.organization, one) for one in call.page(found)]


def create(call: Call) -> Document:
    contributor(call)
    state = text(call.body, "state", required=True, known=COMMIT_STATE)
    if state not in COMMIT_STATE.values():
        raise invalid(f"'{state}' is not a state; one of {', '.join(COMMIT_STATE.values())} is.")
    context, table = mapping(call.body, "context"), call.organization.table("status")
    with call.organization.store.lock:
        made: Document = {
            "id": table.next_id(),
            "subject": _subject(call),
            "state": state,
            "description": text(call.body, "description"),
            "targetUrl": text(call.body, "targetUrl"),
            "name": text(context, "name", required=True),
            "genre": text(context, "genre"),
            "createdBy": call.principal.id,
            "creationDate": now(),
        }
        return _shown(call.organization, table.save(made["id"], made))


def _subject(call: Call) -> str:
    """What the status is about, in words that no other thing has."""
    if "pullRequestId" in call.path:
        return f"pull request {request_of(call)['pullRequestId']}"
    return f"commit {commit_of(call, call.path['commitId']).id} of {of(call)['id']}"


def _shown(organization: Organization, status: Document) -> Document:
    """A GitStatus."""
    kept = {key: status[key] for key in ("id", "state", "description", "creationDate")}
    return kept | {
        "updatedDate": status["creationDate"],
        "context": {"name": status["name"], "genre": status["genre"]},
        "createdBy": organization.identity_of(status["createdBy"]),
        **({"targetUrl": status["targetUrl"]} if status["targetUrl"] else {}),
    }


_REPOSITORY = "{project}/_apis/git/repositories/{repositoryId}"
RESOURCES = [
    Resource(
        "428dd4fb-fda5-4722-af02-9313b80305da",
        "git",
        "statuses",
        _REPOSITORY + "/commits/{commitId}/statuses",
        collection={"GET": every, "POST": create},
    ),
    Resource(
        "b5f6bb4f-8d1e-4d79-8d11-4c9172c99c35",
        "git",
        "pullRequestStatuses",
        _REPOSITORY + "/pullRequests/{pullRequestId}/statuses",
        collection={"GET": every, "POST": create},
    ),
]
