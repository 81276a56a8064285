"""Comments on pull requests, in threads."""

from __future__ import annotations

from isthmus.local.azure_devops.access import PULL_REQUESTS, contributor_to
from isthmus.local.azure_devops.call import Call, objects, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.enumerations import THREAD_STATUS
from isthmus.local.azure_devops.faults import invalid, not_found, refused
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pull_requests import request_of
from isthmus.local.azure_devops.repositories import of
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

LONGEST = 150_000


def every(call: Call) -> list[Document]:
    request = request_of(call)
    mine = (
        one for one in call.organization.table("thread") if one["pullRequest"] == request["pullRequestId"]
    )
    return [_shown(call.organization, one) for one in mine]


def one(call: Call) -> Document:
    return _shown(call.organization, _thread(call))


def create(call: Call) -> Document:
    contributor_to(call, of(call), PULL_REQUESTS)
    request, table = request_of(call), call.organization.table("thread")
    comments = objects(call.body, "comments")
    if not comments:
        raise invalid("A thread needs at least one comment.")
    with call.organization.store.lock:
        made: Document = {
            "id": table.next_id(),
            "pullRequest": request["pullRequestId"],
            "status": _status(call, "unknown"),
            "publishedDate": now(),
            "comments": [_comment(call, given, number) for number, given in enumerate(comments, 1)],
        }
        return _shown(call.organization, table.save(made["id"], made))


def change(call: Call) -> Document:
    """Give a thread another status."""
    contributor_to(call, of(call), PULL_REQUESTS)
    thread = _thread(call)
    thread["status"] = _status(call, thread["status"])
    return _shown(call.organization, call.organization.table("thread").save(thread["id"], thread))


def comments(call: Call) -> list[Document]:
    return [_comment_shown(call.organization, one) for one in _thread(call)["comments"]]


def one_comment(call: Call) -> Document:
    return _comment_shown(call.organization, _comment_of(call, _thread(call)))


def answer(call: Call) -> Document:
    contributor_to(call, of(call), PULL_REQUESTS)
    thread = _thread(call)
    with call.organization.store.lock:
        made = _comment(call, call.body, len(thread["comments"]) + 1)
        thread["comments"].append(made)
        call.organization.table("thread").save(thread["id"], thread)
    return _comment_shown(call.organization, made)


def reword(call: Call) -> Document:
    """Only who wrote a comment changes it."""
    contributor_to(call, of(call), PULL_REQUESTS)
    thread = _thread(call)
    found = _comment_of(call, thread)
    if found["author"] != call.principal.id:
        raise refused("TF401179: Only the author of a comment may change it.")
    found |= {"content": _content(call.body), "lastUpdatedDate": now()}
    call.organization.table("thread").save(thread["id"], thread)
    return _comment_shown(call.organization, found)


def _thread(call: Call) -> Document:
    request = request_of(call)
    found = call.organization.table("thread").get(call.id("threadId"))
    if found is None or found["pullRequest"] != request["pullRequestId"]:
        raise not_found(f"TF401180: There is no thread {call.path['threadId']} on this pull request.")
    return found


def _comment_of(call: Call, thread: Document) -> Document:
    number = call.id("commentId")
    found: Document | None = next((one for one in thread["comments"] if one["id"] == number), None)
    if found is None:
        raise not_found(f"TF401180: There is no comment {number} in this thread.")
    return found


def _status(call: Call, default: str) -> str:
    status = text(call.body, "status", known=THREAD_STATUS) or default
    if status not in THREAD_STATUS.values():
        known = ", ".join(THREAD_STATUS.values())
        raise invalid(f"'{status}' is not a status of a thread; one of {known} is.")
    return status


def _comment(call: Call, given: Document, number: int) -> Document:
    parent = given.get("parentCommentId") or 0
    if not isinstance(parent, int) or not 0 <= parent < number:
        raise invalid(f"There is no comment {parent} to answer.")
    return {
        "id": number,
        "parentCommentId": parent,
        "author": call.principal.id,
        "content": _content(given),
        "publishedDate": now(),
        "lastUpdatedDate": now(),
    }


def _content(given: Document) -> str:
    content = text(given, "content", required=True)
    if len(content) > LONGEST:
        raise invalid(f"A comment has at most {LONGEST} characters.")
    return content


def _shown(organization: Organization, thread: Document) -> Document:
    """A GitPullRequestCommentThread."""
    listed = [_comment_shown(organization, one) for one in thread["comments"]]
    return {
        "id": thread["id"],
        "status": thread["status"],
        "publishedDate": thread["publishedDate"],
        "lastUpdatedDate": max(one["lastUpdatedDate"] for one in listed),
        "comments": listed,
        "properties": {},
        "isDeleted": False,
    }


def _comment_shown(organization: Organization, comment: Document) -> Document:
    """A Comment."""
    return {
        "id": comment["id"],
        "parentCommentId": comment["parentCommentId"],
        "author": organization.identity_of(comment["author"]),
        "content": comment["content"],
        "publishedDate": comment["publishedDate"],
        "lastUpdatedDate": comment["lastUpdatedDate"],
        "lastContentUpdatedDate": comment["lastUpdatedDate"],
        "commentType": "text",
        "usersLiked": [],
    }


_THREADS = "{project}/_apis/git/repositories/{repositoryId}/pullRequests/{pullRequestId}/threads/{threadId}"
RESOURCES = [
    Resource(
        "ab6e2e5d-a0b7-4153-b64a-a4efe0d49449",
        "git",
        "pullRequestThreads",
        _THREADS,
        collection={"GET": every, "POST": create},
        item={"GET": one, "PATCH": change},
    ),
    Resource(
        "965a3ec7-5ed8-455a-bdcb-835a5ea7fe7b",
        "git",
        "pullRequestThreadComments",
        _THREADS + "/comments/{commentId}",
        collection={"GET": comments, "POST": answer},
        item={"GET": one_comment, "PATCH": reword},
    ),
]
