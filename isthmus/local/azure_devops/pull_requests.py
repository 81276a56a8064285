"""Pull requests: made, kept up to date with their branches, evaluated by policies, and merged."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.local.azure_devops import gitcli, policies
from isthmus.local.azure_devops.access import PULL_REQUESTS, contributor_to, reaches
from isthmus.local.azure_devops.call import Call, mapping, objects, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.commits import commit_reference
from isthmus.local.azure_devops.enumerations import MERGE_STRATEGY, PULL_REQUEST_STATUS
from isthmus.local.azure_devops.faults import Fault, conflict, invalid, not_found
from isthmus.local.azure_devops.merging import complete, prepare
from isthmus.local.azure_devops.organization import Organization, RefUpdate
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.repositories import of
from isthmus.local.azure_devops.repositories import shown as repository_shown
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

VOTES = (10, 5, 0, -5, -10)


def every(call: Call) -> list[Document]:
    """The pull requests of a repository, or of a project; active ones where no status is asked for."""
    status = call.word("searchCriteria.status", PULL_REQUEST_STATUS, "active")
    if status not in PULL_REQUEST_STATUS.values():
        raise invalid(f"The value '{status}' is not a status of a pull request.")
    repository = call.query.get("searchcriteria.repositoryid")
    wanted = {
        "repository": of(call)["id"] if "repositoryId" in call.path else repository,
        "project": call.project["id"] if "project" in call.path else None,
        "status": None if status == "all" else status,
        "source": call.query.get("searchcriteria.sourcerefname"),
        "target": call.query.get("searchcriteria.targetrefname"),
        "createdBy": call.query.get("searchcriteria.creatorid"),
    }
    found = [
        request
        for request in call.organization.table("pullrequest")
        if all(value is None or request[key] == value for key, value in wanted.items())
        and _is_in_reach(call, request)
    ]
    found.sort(key=lambda one: -one["pullRequestId"])
    return [shown(call.organization, one) for one in call.page(found, top=100)]


def one(call: Call) -> Document:
    return shown(call.organization, request_of(call))


def create(call: Call) -> Document:
    organization, repository = call.organization, of(call)
    contributor_to(call, repository, PULL_REQUESTS)
    source = text(call.body, "sourceRefName", required=True)
    target = text(call.body, "targetRefName", required=True)
    folder = organization.git(repository)
    for ref in (source, target):
        if gitcli.resolve(folder, ref) is None or not ref.startswith("refs/heads/"):
            raise invalid(f"TF401398: The branch {ref} does not exist.", "GitPullRequestCannotBeCreated")
    with organization.store.lock:
        _refuse_twin(organization, repository, source, target)
        request = _new(call, repository, source, target)
        prepare(organization, repository, request)
    policies.evaluate(organization, request, call.principal, pushed=True)
    return shown(organization, request)


def change(call: Call) -> Document:
    """Rename it, abandon or reactivate it, set auto-complete, or complete it."""
    contributor_to(call, of(call), PULL_REQUESTS)
    request, body = request_of(call), call.body
    table = call.organization.table("pullrequest")
    for name in ("title", "description"):
        if name in body:
            request[name] = text(body, name)
    if "completionOptions" in body:
        request["completionOptions"] = request["completionOptions"] | _options(call)
    if "autoCompleteSetBy" in body:
        who = text(mapping(body, "autoCompleteSetBy"), "id")
        request["autoCompleteSetBy"] = call.principal.id if who.strip("0-") else None
    table.save(request["pullRequestId"], request)
    status = text(body, "status", known=PULL_REQUEST_STATUS).lower()
    if status:
        _change_status(call, request, status)
    elif request["autoCompleteSetBy"]:
        _complete_if_ready(call.organization, request)
    return shown(call.organization, request)


def _change_status(call: Call, request: Document, status: str) -> None:
    if status == "completed":
        source = text(mapping(call.body, "lastMergeSourceCommit"), "commitId", required=True)
        if source != request["lastMergeSource"]:
            raise conflict(
                "TF401192: The source branch has been modified since the last merge attempt.",
                "GitPullRequestStaleException",
            )
        _refuse_unmet(call.organization, request)
        complete(call.organization, request, call.principal)
    elif status in ("abandoned", "active") and request["status"] != "completed":
        request["status"] = status
        request["closedDate"] = now() if status == "abandoned" else None
        request["closedBy"] = call.principal.id if status == "abandoned" else None
        call.organization.table("pullrequest").save(request["pullRequestId"], request)
        if status == "active":
            _catch_up(call, request)
    else:
        raise invalid(f"TF401181: A pull request that is {request['status']} cannot become {status}.")


def _catch_up(call: Call, request: Document) -> None:
    """It is open again: its branch may have been pushed to meanwhile, and nobody agreed to that."""
    repository, before = of(call), request["lastMergeSource"]
    prepare(call.organization, repository, request)
    if moved := request["lastMergeSource"] != before:
        request["lastPusher"] = _last_pusher(call.organization, repository, request["source"])
        policies.forget_votes(call.organization, request)
    policies.evaluate(call.organization, request, call.principal, pushed=moved)


def _refuse_unmet(organization: Organization, request: Document) -> None:
    if unmet := policies.unmet(organization, request):
        raise Fault(
            409,
            "GitPullRequestRejectedByPolicyException",
            "TF402455: The pull request cannot be completed: not all required policies are met: "
            + ", ".join(unmet)
            + ".",
        )


def commits(call: Call) -> list[Document]:
    request, repository = request_of(call), of(call)
    folder = call.organization.git(repository)
    found = gitcli.commits(folder, request["lastMergeSource"], without=request["lastMergeTarget"])
    return [commit_reference(call.organization, repository, each) for each in call.page(found)]


def reviewers(call: Call) -> list[Document]:
    return _reviewers(call.organization, request_of(call))


def vote(call: Call) -> Document:
    """Vote as oneself, or (0) ask another for a review."""
    contributor_to(call, of(call), PULL_REQUESTS)
    request = request_of(call)
    reviewer = call.organization.principals.get(call.path["reviewerId"])
    if reviewer is None:
        raise not_found(f"TF401389: There is no identity {call.path['reviewerId']}.")
    given = call.body.get("vote", 0)
    if given not in VOTES:
        raise invalid(f"TF401186: {given} is not a vote; it is one of {VOTES}.")
    if given and reviewer.id != call.principal.id:
        raise Fault(403, "GitPullRequestReviewerException", "TF401187: A vote can only be cast for oneself.")
    request["reviewers"][reviewer.id] = given
    call.organization.table("pullrequest").save(request["pullRequestId"], request)
    policies.evaluate(call.organization, request, call.principal, pushed=False)
    _complete_if_ready(call.organization, request)
    return next(each for each in _reviewers(call.organization, request) if each["id"] == reviewer.id)


# ---- what happens elsewhere


def on_push(
    organization: Organization, repository: Document, principal: Principal, updates: list[RefUpdate]
) -> None:
    """A branch moved: merge its pull requests anew, and evaluate them where their source moved."""
    moved = {update.name for update in updates}
    for request in organization.table("pullrequest"):
        if request["status"] != "active" or request["repository"] != repository["id"]:
            continue
        if moved & {request["source"], request["target"]}:
            prepare(organization, repository, request)
        if request["source"] in moved and request["status"] == "active":
            request["lastPusher"] = principal.id
            policies.forget_votes(organization, request)
            policies.evaluate(organization, request, principal, pushed=True)


def on_run_ended(organization: Organization, run: Document) -> None:
    """A run ended: the policy that queued it knows more now, and auto-complete may go on."""
    request = policies.run_changed(organization, run)
    if request:
        _complete_if_ready(organization, request)


def _complete_if_ready(organization: Organization, request: Document) -> None:
    who = organization.principals.get(request["autoCompleteSetBy"] or "")
    ready = request["status"] == "active" and request["mergeStatus"] == "succeeded"
    if who and ready and not policies.unmet(organization, request):
        complete(organization, request, who)


def _refuse_twin(organization: Organization, repository: Document, source: str, target: str) -> None:
    for other in organization.table("pullrequest"):
        same = (other["repository"], other["source"], other["target"]) == (repository["id"], source, target)
        if same and other["status"] == "active":
            raise conflict(
                "TF401179: An active pull request for the source and target branch already exists: "
                f"{other['pullRequestId']}.",
                "GitPullRequestExistsException",
            )


def _new(call: Call, repository: Document, source: str, target: str) -> Document:
    table = call.organization.table("pullrequest")
    request: Document = {
        "pullRequestId": table.next_id(),
        "repository": repository["id"],
        "project": repository["project"],
        "status": "active",
        "title": text(call.body, "title", required=True),
        "description": text(call.body, "description"),
        "source": source,
        "target": target,
        "createdBy": call.principal.id,
        "creationDate": now(),
        "reviewers": dict.fromkeys(_asked(call), 0),
        "lastPusher": _last_pusher(call.organization, repository, source),
        "completionOptions": _options(call),
        "autoCompleteSetBy": None,
        "isDraft": bool(call.body.get("isDraft")),
    }
    return table.save(request["pullRequestId"], request)


def _asked(call: Call) -> Iterator[str]:
    """The ids of those who are asked for a review."""
    for one in objects(call.body, "reviewers"):
        key = text(one, "id", required=True)
        reviewer = call.organization.principals.get(key)
        if reviewer is None:
            raise not_found(f"TF401389: There is no identity {key}.")
        yield reviewer.id


def _options(call: Call) -> Document:
    given = mapping(call.body, "completionOptions")
    strategy = text(given, "mergeStrategy", known=MERGE_STRATEGY)
    return given | ({"mergeStrategy": strategy} if strategy else {})


def _last_pusher(organization: Organization, repository: Document, source: str) -> str | None:
    moved = (
        push
        for push in organization.table("push")
        if push["repository"] == repository["id"]
        and any(update["name"] == source for update in push["refUpdates"])
    )
    newest = max(moved, key=lambda push: int(push["pushId"]), default=None)
    return str(newest["pushedBy"]) if newest else None


def request_of(call: Call) -> Document:
    request = call.organization.table("pullrequest").get(call.id("pullRequestId"))
    named = "repositoryId" in call.path
    if (
        request is None
        or (named and of(call)["id"] != request["repository"])
        or not _is_in_reach(call, request)
    ):
        raise not_found(
            f"TF401180: The requested pull request was not found: {call.path['pullRequestId']}.",
            "GitPullRequestNotFoundException",
        )
    return request


def _is_in_reach(call: Call, request: Document) -> bool:
    return reaches(call.principal, call.organization.repository(request["repository"]))


def _reviewers(organization: Organization, request: Document) -> list[Document]:
    url = f"{organization.url}/_apis/git/repositories/{request['repository']}/pullRequests"
    reviews = f"{url}/{request['pullRequestId']}/reviewers"
    found = ((organization.identity_of(who), vote_) for who, vote_ in request["reviewers"].items())
    return [
        who
        | {"vote": vote_, "isFlagged": False, "hasDeclined": False, "reviewerUrl": f"{reviews}/{who['id']}"}
        for who, vote_ in found
        if who
    ]


def shown(organization: Organization, request: Document) -> Document:
    """A GitPullRequest."""
    repository = organization.repository(request["repository"])
    view = repository_shown(organization, repository)
    url = f"{view['url']}/pullRequests/{request['pullRequestId']}"
    optional = {
        "closedDate": request.get("closedDate"),
        "closedBy": organization.identity_of(request.get("closedBy") or ""),
        "autoCompleteSetBy": organization.identity_of(request.get("autoCompleteSetBy") or ""),
        "lastMergeCommit": _commit(view["url"], request.get("lastMerge")),
    }
    return {
        "pullRequestId": request["pullRequestId"],
        "codeReviewId": request["pullRequestId"],
        "artifactId": f"vstfs:///Git/PullRequestId/{request['project']}%2f{repository['id']}%2f"
        f"{request['pullRequestId']}",
        "repository": view,
        "status": request["status"],
        "title": request["title"],
        "description": request["description"],
        "sourceRefName": request["source"],
        "targetRefName": request["target"],
        "createdBy": organization.identity_of(request["createdBy"]),
        "creationDate": request["creationDate"],
        "isDraft": request["isDraft"],
        "mergeStatus": request["mergeStatus"],
        "lastMergeSourceCommit": _commit(view["url"], request["lastMergeSource"]),
        "lastMergeTargetCommit": _commit(view["url"], request["lastMergeTarget"]),
        "reviewers": _reviewers(organization, request),
        "completionOptions": request["completionOptions"],
        "supportsIterations": True,
        "url": url,
        "_links": {
            "self": {"href": url},
            "web": {"href": f"{view['webUrl']}/pullrequest/{request['pullRequestId']}"},
        },
        **{key: value for key, value in optional.items() if value},
    }


def _commit(url: str, commit: str | None) -> Document | None:
    return {"commitId": commit, "url": f"{url}/commits/{commit}"} if commit else None


_REQUESTS = "{project}/_apis/git/repositories/{repositoryId}/pullRequests/{pullRequestId}"
RESOURCES = [
    Resource(
        "9946fd70-0d40-406e-b686-b4744cbbcc37",
        "git",
        "pullRequests",
        _REQUESTS,
        collection={"GET": every, "POST": create},
        item={"GET": one, "PATCH": change},
    ),
    Resource(
        "a5d28130-9cd2-40fa-9f08-902e7daa9efb",
        "git",
        "pullRequests",
        "{project}/_apis/git/pullRequests",
        collection={"GET": every},
    ),
    Resource(
        "01a46dea-7d46-4d40-bc84-319e7c260d99",
        "git",
        "pullRequests",
        "{project}/_apis/git/pullRequests/{pullRequestId}",
        item={"GET": one},
    ),
    Resource(
        "52823034-34a8-4576-922c-8d8b77e9e4c4",
        "git",
        "pullRequestCommits",
        _REQUESTS + "/commits",
        collection={"GET": commits},
    ),
    Resource(
        "4b6702c7-aa35-4b89-9c96-b9abf6d3e540",
        "git",
        "pullRequestReviewers",
        _REQUESTS + "/reviewers/{reviewerId}",
        collection={"GET": reviewers},
        item={"PUT": vote},
    ),
]
