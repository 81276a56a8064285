"""Branch policies, and what each says about each pull request."""

from __future__ import annotations

import re
from collections.abc import Callable

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.access import administrator, contributor
from isthmus.local.azure_devops.call import Answer, Call, mapping, objects, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import invalid, not_found
from isthmus.local.azure_devops.organization import Organization, new_id
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.protection import applicable, is_protected
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.runs import Wanted, queue
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.votes import REQUIRED, REVIEWERS, given_settings, verdict

BUILD = "0609b952-1397-4640-95ec-e00a01b2c241"
# How an evaluation ends that lets a pull request be completed.
MET = ("approved", "notApplicable")
# Only policies that are really evaluated here; another type is refused rather than kept and ignored.
TYPES = {BUILD: "Build", REVIEWERS: "Minimum number of reviewers", REQUIRED: "Required reviewers"}


def every(call: Call) -> list[Document]:
    kind, scope = call.query.get("policytype", "").lower(), call.query.get("scope")
    found = [
        one
        for one in call.organization.table("policy")
        if one["project"] == call.project["id"]
        and (not kind or one["type"] == kind)
        and (not scope or any(s.get("repositoryId") == scope for s in one["settings"].get("scope", [])))
    ]
    return [shown(call.organization, one) for one in call.page(found)]


def one(call: Call) -> Document:
    return shown(call.organization, _of(call))


def create(call: Call) -> Document:
    administrator(call)
    table = call.organization.table("policy")
    with call.organization.store.lock:
        made = _given(call) | {
            "id": table.next_id(),
            "project": call.project["id"],
            "revision": 1,
            "createdBy": call.principal.id,
            "createdDate": now(),
        }
        table.save(made["id"], made)
        _protect(call.organization)
    return shown(call.organization, made)


def change(call: Call) -> Document:
    administrator(call)
    with call.organization.store.lock:
        policy = _of(call)
        policy |= _given(call)
        policy["revision"] += 1
        call.organization.table("policy").save(policy["id"], policy)
        _protect(call.organization)
    return shown(call.organization, policy)


def remove(call: Call) -> Answer:
    administrator(call)
    with call.organization.store.lock:
        call.organization.table("policy").drop(_of(call)["id"])
        _protect(call.organization)
    return Answer(None, 204)


def types(call: Call) -> list[Document]:
    return [_type(call.organization, kind) for kind in TYPES]


def one_type(call: Call) -> Document:
    if call.path["typeId"].lower() not in TYPES:
        raise not_found(
            f"TF402459: No policy type {call.path['typeId']} exists.", "PolicyTypeNotFoundException"
        )
    return _type(call.organization, call.path["typeId"].lower())


def evaluations(call: Call) -> list[Document]:
    """What the policies say about the pull request of `artifactId`."""
    wanted = re.fullmatch(r"vstfs:///CodeReview/CodeReviewId/[^/]+/(\d+)", call.query.get("artifactid", ""))
    if wanted is None:
        raise invalid("artifactId must be vstfs:///CodeReview/CodeReviewId/{projectId}/{pullRequestId}.")
    found = of_pull_request(call.organization, int(wanted[1]))
    return [_evaluation(call.organization, each) for each in call.page(found)]


def one_evaluation(call: Call) -> Document:
    return _evaluation(call.organization, _evaluation_of(call))


def requeue(call: Call) -> Document:
    """Evaluate once more: of a build policy, by another run."""
    contributor(call)
    evaluation = _evaluation_of(call)
    request = call.organization.table("pullrequest").get(evaluation["pullRequest"])
    policy = call.organization.table("policy").get(evaluation["policy"])
    if request and policy:
        _begin(call.organization, policy, request, evaluation, call.principal)
    return _evaluation(call.organization, evaluation)


# ---- what pull requests ask


def evaluate(organization: Organization, request: Document, principal: Principal, *, pushed: bool) -> None:
    """Bring the evaluations of a pull request up to date; `pushed` when its commits changed."""
    table = organization.table("evaluation")
    known = {each["policy"]: each for each in of_pull_request(organization, request["pullRequestId"])}
    for policy in applicable(organization, request["repository"], request["target"]):
        evaluation = known.pop(policy["id"], None)
        if evaluation is None or (pushed and policy["type"] == BUILD):
            fresh = evaluation or {
                "evaluationId": new_id(),
                "policy": policy["id"],
                "pullRequest": request["pullRequestId"],
                "project": request["project"],
            }
            _begin(organization, policy, request, fresh, principal)
        elif policy["type"] != BUILD:
            _count_votes(organization, policy, request, evaluation)
    for gone in known.values():
        table.drop(gone["evaluationId"])


def unmet(organization: Organization, request: Document) -> list[str]:
    """The names of blocking policies that the pull request does not meet."""
    found = []
    for each in of_pull_request(organization, request["pullRequestId"]):
        policy = organization.table("policy").get(each["policy"])
        if policy and policy["isBlocking"] and policy["isEnabled"] and each["status"] not in MET:
            found.append(
                f"{policy['settings'].get('displayName') or TYPES[policy['type']]} ({each['status']})"
            )
    return found


def of_pull_request(organization: Organization, number: int) -> list[Document]:
    return [each for each in organization.table("evaluation") if each["pullRequest"] == number]


def run_changed(organization: Organization, run: Document) -> Document | None:
    """A build policy's run has ended, or goes on: the pull request that it is for, if it is for one."""
    for evaluation in organization.table("evaluation"):
        if evaluation.get("run") == run["id"]:
            evaluation["status"] = {"succeeded": "approved", None: "running"}.get(run["result"], "rejected")
            evaluation["completedDate"] = run["finishedDate"]
            organization.table("evaluation").save(evaluation["evaluationId"], evaluation)
            return organization.table("pullrequest").get(evaluation["pullRequest"])
    return None


def _begin(
    organization: Organization,
    policy: Document,
    request: Document,
    evaluation: Document,
    principal: Principal,
) -> None:
    evaluation |= {"status": "queued", "startedDate": now(), "completedDate": None}
    start: Callable[..., None] = _build if policy["type"] == BUILD else _count_votes
    organization.table("evaluation").save(evaluation["evaluationId"], evaluation)
    start(organization, policy, request, evaluation, *([principal] if start is _build else []))


def _build(
    organization: Organization,
    policy: Document,
    request: Document,
    evaluation: Document,
    principal: Principal,
) -> None:
    if policy["settings"].get("manualQueueOnly") and "run" not in evaluation and evaluation.get("seen"):
        return
    pipeline = organization.pipelines.get(policy["settings"]["buildDefinitionId"])
    if pipeline is None or not request.get("lastMerge"):
        evaluation["status"] = "broken" if pipeline is None else "queued"
    else:
        run = queue(
            organization,
            pipeline,
            Wanted(
                ref=f"refs/pull/{request['pullRequestId']}/merge",
                version=request["lastMerge"],
                reason="pullRequest",
                requested_for=principal,
                pull_request=request,
                tolerant=True,
            ),
        )
        evaluation |= {"run": run["id"], "status": "running"}
        if run["state"] == "completed":
            evaluation |= {"status": "rejected", "completedDate": now()}
    organization.table("evaluation").save(evaluation["evaluationId"], evaluation)


def _count_votes(
    organization: Organization, policy: Document, request: Document, evaluation: Document
) -> None:
    evaluation["status"] = verdict(organization, policy, request)
    evaluation["completedDate"] = now() if evaluation["status"] in MET else None
    organization.table("evaluation").save(evaluation["evaluationId"], evaluation)


def forget_votes(organization: Organization, request: Document) -> None:
    """The source was pushed to: agreement to what stood there before is none, where a policy says so."""
    standing = applicable(organization, request["repository"], request["target"])
    if any(policy["settings"].get("resetOnSourcePush") for policy in standing):
        request["reviewers"] = {who: min(vote, 0) for who, vote in request["reviewers"].items()}
    organization.table("pullrequest").save(request["pullRequestId"], request)


def _protect(organization: Organization) -> None:
    """Tell each repository's hook which branches move by pull request only."""
    for repository in organization.repositories:
        folder = organization.git(repository)
        names = {ref for ref in gitcli.refs(folder) if ref.startswith("refs/heads/")} | {"refs/heads/main"}
        gitcli.protect(
            folder,
            (ref for ref in names if is_protected(organization, repository["id"], ref)),
        )


def _given(call: Call) -> Document:
    kind = text(mapping(call.body, "type"), "id", required=True).lower()
    if kind not in TYPES:
        raise invalid(f"TF402459: No policy type {kind} is evaluated here. Known: {', '.join(TYPES)}.")
    settings = mapping(call.body, "settings")
    if not objects(settings, "scope"):
        raise invalid("TF402465: A policy needs settings.scope with at least one entry.")
    if kind == BUILD and call.organization.pipelines.get(str(settings.get("buildDefinitionId"))) is None:
        raise invalid(f"There is no pipeline with id {settings.get('buildDefinitionId')}.")
    given_settings(call.organization, kind, settings)
    return {
        "type": kind,
        "isEnabled": bool(call.body.get("isEnabled", True)),
        "isBlocking": bool(call.body.get("isBlocking", True)),
        "settings": settings,
    }


def _of(call: Call) -> Document:
    policy = call.organization.table("policy").get(call.id("configurationId"))
    if policy is None or policy["project"] != call.project["id"]:
        raise not_found(
            f"TF402458: The policy configuration {call.path['configurationId']} does not exist.",
            "PolicyConfigurationNotFoundException",
        )
    return policy


def _evaluation_of(call: Call) -> Document:
    found = call.organization.table("evaluation").get(call.path["evaluationId"].lower())
    if found is None or found["project"] != call.project["id"]:
        raise not_found(f"There is no policy evaluation {call.path['evaluationId']}.")
    return found


def shown(organization: Organization, policy: Document) -> Document:
    """A PolicyConfiguration."""
    url = f"{organization.url}/{policy['project']}/_apis/policy/configurations/{policy['id']}"
    return {
        "id": policy["id"],
        "revision": policy["revision"],
        "url": url,
        "type": _type(organization, policy["type"]),
        "createdBy": organization.identity_of(policy["createdBy"]),
        "createdDate": policy["createdDate"],
        "isEnabled": policy["isEnabled"],
        "isBlocking": policy["isBlocking"],
        "isDeleted": False,
        "isEnterpriseManaged": False,
        "settings": policy["settings"],
        "_links": {"self": {"href": url}},
    }


def _type(organization: Organization, kind: str) -> Document:
    return {
        "id": kind,
        "displayName": TYPES[kind],
        "description": f"The policy {TYPES[kind]!r}.",
        "url": f"{organization.url}/_apis/policy/types/{kind}",
    }


def _evaluation(organization: Organization, evaluation: Document) -> Document:
    """A PolicyEvaluationRecord."""
    policy = organization.table("policy").get(evaluation["policy"])
    run = evaluation.get("run")
    number = evaluation["pullRequest"]
    return {
        "evaluationId": evaluation["evaluationId"],
        "artifactId": f"vstfs:///CodeReview/CodeReviewId/{evaluation['project']}/{number}",
        "status": evaluation["status"],
        "startedDate": evaluation["startedDate"],
        **({"completedDate": evaluation["completedDate"]} if evaluation.get("completedDate") else {}),
        "configuration": shown(organization, policy) if policy else {},
        "context": {"buildId": run, "isExpired": False} if run else {},
    }


_PREFIX = "{project}/_apis/policy/"
RESOURCES = [
    Resource(
        "dad91cbe-d183-45f8-9c6e-9c1164472121",
        "policy",
        "configurations",
        _PREFIX + "configurations/{configurationId}",
        collection={"GET": every, "POST": create},
        item={"GET": one, "PUT": change, "DELETE": remove},
    ),
    Resource(
        "44096322-2d3d-466a-bb30-d1b7de69f61f",
        "policy",
        "types",
        _PREFIX + "types/{typeId}",
        collection={"GET": types},
        item={"GET": one_type},
    ),
    Resource(
        "c23ddff5-229c-4d04-a80b-0fdce9f360c8",
        "policy",
        "evaluations",
        _PREFIX + "evaluations",
        collection={"GET": evaluations},
    ),
    Resource(
        "46aecb7a-5d2c-4647-897b-0209505a9fe4",
        "policy",
        "evaluations",
        _PREFIX + "evaluations/{evaluationId}",
        item={"GET": one_evaluation, "PATCH": requeue},
    ),
]
