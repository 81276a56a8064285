"""Approvals: asked for by checks, given by people, and who gave them is written down."""

from __future__ import annotations

import threading
import time

from isthmus.local.azure_devops.access import VIEW_BUILDS, contributor, may
from isthmus.local.azure_devops.call import Call, text
from isthmus.local.azure_devops.clock import now, parse
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.organization import Organization, new_id
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.host import Checkpoint, Decision

_RESULTS = {"approved": "succeeded", "canceled": "canceled"}
FINAL = ("approved", "rejected", "canceled", "timedOut", "skipped")
STATES = ("all", "pending", "completed", "uninitiated", "failed", "undefined", *FINAL)


class Approvals:
    """The approvals of an organization. Who waits is woken through `changed`."""

    def __init__(self, organization: Organization, changed: threading.Condition) -> None:
        self._organization = organization
        self._changed = changed
        self.table = organization.table("approval")

    def wait(
        self, run: Document, point: Checkpoint, checks: list[Document], cancelled: threading.Event
    ) -> Decision:
        """Ask for an approval by each check, and block until all are given or one is not."""
        asked = [self._ask(run, point, check) for check in checks]
        try:
            return self._until_settled(asked, cancelled)
        finally:
            for approval in asked:
                self._show(run, approval)

    def _until_settled(self, asked: list[Document], cancelled: threading.Event) -> Decision:
        with self._changed:
            while True:
                if cancelled.is_set():
                    self._withdraw(asked)
                    return Decision(False, "it was canceled while it waited for approval", canceled=True)
                for approval in asked:
                    self._time_out(approval)
                    if approval["status"] in FINAL and approval["status"] != "approved":
                        self._withdraw([one for one in asked if one is not approval])
                        return Decision(False, _told(self._organization, approval))
                pending = [one for one in asked if one["status"] == "pending"]
                if not pending:
                    return Decision(True)
                deadline = min(float(one["deadline"]) for one in pending)
                self._changed.wait(max(0.0, deadline - time.time()))

    def decide(self, approval: Document, principal: Principal, status: str, comment: str) -> None:
        """Record a decision of somebody who may make it; raises 403 or 400 of somebody who may not."""
        with self._changed:
            if approval["status"] != "pending":
                raise invalid(f"Approval {approval['id']} is {approval['status']} already.")
            step = self._step_of(approval, principal)
            moment = now()
            step |= {
                "status": status,
                "comment": comment,
                "actualApprover": principal.id,
                "lastModifiedBy": principal.id,
                "lastModifiedOn": moment,
            }
            approval["lastModifiedOn"] = moment
            self._settle(approval)
            self.table.save(approval["id"], approval)
            self._changed.notify_all()

    def withdraw(self, run: Document) -> None:
        """The run does not wait any more."""
        self._withdraw([one for one in self.table if one["run"] == run["id"]])

    def _withdraw(self, approvals: list[Document]) -> None:
        for approval in approvals:
            if approval["status"] == "pending":
                approval |= {"status": "canceled", "lastModifiedOn": now()}
                self.table.save(approval["id"], approval)

    def _ask(self, run: Document, point: Checkpoint, check: Document) -> Document:
        settings, moment = check["settings"], now()
        count = int(settings.get("minRequiredApprovers") or 0)
        approval: Document = {
            "id": new_id(),
            "project": run["project"],
            "run": run["id"],
            "stage": point.stage,
            "stageRecord": point.stage_record_id,
            "attempt": point.attempt,
            "resource": check["resource"],
            "resourceName": check["resourceName"],
            "status": "pending",
            "createdOn": moment,
            "lastModifiedOn": moment,
            "executionOrder": settings.get("executionOrder", "anyOrder"),
            "minRequiredApprovers": count or len(settings["approvers"]),
            "instructions": settings.get("instructions", ""),
            "blocked": [run["requestedFor"]] if settings.get("requesterCannotBeApprover") else [],
            "deadline": parse(moment).timestamp() + check["timeout"] * 60,
            "steps": [
                {"assignedApprover": one["id"], "status": "pending", "order": order, "initiatedOn": moment}
                for order, one in enumerate(settings["approvers"], 1)
            ],
        }
        approval["blocked"] += [one["id"] for one in settings.get("blockedApprovers", [])]
        self.table.save(str(approval["id"]), approval)
        self._show(run, approval)
        return approval

    def _show(self, run: Document, approval: Document) -> None:
        """The approval in the run's timeline: a record below its stage, with the approval's own id."""
        waits = approval["status"] == "pending"
        self._organization.ledger.put(
            run,
            {
                "id": approval["id"],
                "parentId": approval["stageRecord"],
                "type": "Checkpoint.Approval",
                "name": "Checkpoint.Approval",
                "identifier": f"{approval['stage']}.approval",
                "state": "inProgress" if waits else "completed",
                "result": None if waits else _RESULTS.get(approval["status"], "failed"),
                "startTime": approval["createdOn"],
                "finishTime": None if waits else approval["lastModifiedOn"],
                "attempt": approval["attempt"],
                "issues": [],
            },
        )

    def _step_of(self, approval: Document, principal: Principal) -> Document:
        principals = self._organization.principals
        if principal.id in approval["blocked"]:
            raise Fault(
                403,
                "ApprovalUnauthorizedException",
                f"{principal.display_name} requested this run or is blocked, and cannot approve it.",
            )
        if any(step.get("actualApprover") == principal.id for step in approval["steps"]):
            raise invalid(f"{principal.display_name} has decided about approval {approval['id']} already.")
        mine: list[Document] = [
            step
            for step in approval["steps"]
            if principals.is_or_belongs(principal, step["assignedApprover"]) and step["status"] == "pending"
        ]
        if not mine:
            raise Fault(
                403,
                "ApprovalUnauthorizedException",
                f"{principal.display_name} is not an approver of approval {approval['id']}.",
            )
        before = [one for one in approval["steps"] if one["order"] < mine[0]["order"]]
        if approval["executionOrder"] == "inSequence" and any(one["status"] == "pending" for one in before):
            raise invalid("Approvals are given in sequence here, and an earlier approver has not decided.")
        return mine[0]

    def _settle(self, approval: Document) -> None:
        given = [step["status"] for step in approval["steps"]]
        if "rejected" in given:
            approval["status"] = "rejected"
        elif given.count("approved") >= approval["minRequiredApprovers"]:
            approval["status"] = "approved"
            for step in approval["steps"]:
                step["status"] = "skipped" if step["status"] == "pending" else step["status"]

    def _time_out(self, approval: Document) -> None:
        if approval["status"] == "pending" and time.time() >= approval["deadline"]:
            approval |= {"status": "timedOut", "lastModifiedOn": now()}
            self.table.save(approval["id"], approval)


def _told(organization: Organization, approval: Document) -> str:
    where = f"the approval on {approval['resource'][0]} {approval['resourceName']!r}"
    for step in approval["steps"]:
        who = organization.principals.get(step.get("actualApprover", ""))
        if step["status"] == "rejected" and who:
            comment = f": {step['comment']}" if step.get("comment") else ""
            return f"{who.display_name} rejected {where}{comment}"
    return f"{where} is {approval['status']}"


# ---- the API


def every(call: Call) -> list[Document]:
    state = call.query.get("state", "all").lower()
    if state not in [one.lower() for one in STATES]:
        raise invalid(f"'{state}' is not a state of an approval.")
    ids, users = call.texts("approvalIds"), call.texts("userIds")
    found = [
        one
        for one in call.organization.table("approval")
        if one["project"] == call.project["id"]
        and _may_see(call, one)
        and (not ids or one["id"] in ids)
        and _is(one, state)
        and (not users or any(_concerns(call.organization, one, user) for user in users))
    ]
    return [_shown(call, one) for one in found[: call.number("top", 100)]]


def one(call: Call) -> Document:
    return _shown(call, _of(call, call.path["approvalId"]))


def update(call: Call) -> list[Document]:
    contributor(call)
    decided = []
    for item in call.items:
        approval = _of(call, text(item, "approvalId", required=True))
        status = text(item, "status", required=True).lower()
        if status not in ("approved", "rejected"):
            raise invalid(f"An approval can be approved or rejected, not {status}.")
        approvals_of(call.organization).decide(approval, call.principal, status, text(item, "comment"))
        decided.append(_shown(call, approval, steps=True))
    return decided


def approvals_of(organization: Organization) -> Approvals:
    return organization.gates.approvals


def _is(approval: Document, state: str) -> bool:
    if state == "completed":
        return approval["status"] in FINAL
    return state in ("all", approval["status"].lower())


def _concerns(organization: Organization, approval: Document, user: str) -> bool:
    principal = organization.principals.get(user)
    return principal is not None and any(
        organization.principals.is_or_belongs(principal, step["assignedApprover"])
        for step in approval["steps"]
    )


def _may_see(call: Call, approval: Document) -> bool:
    """Whoever may not see a pipeline's runs sees no button at them either."""
    run = call.organization.runs.get(approval["run"])
    pipeline = call.organization.pipelines.get(run["pipeline"]) if run else None
    return pipeline is None or may(call.organization, call.principal, pipeline, VIEW_BUILDS)


def _of(call: Call, key: str) -> Document:
    approval = call.organization.table("approval").get(key.lower())
    if approval is None or approval["project"] != call.project["id"] or not _may_see(call, approval):
        raise not_found(f"Approval {key} not found.", "ApprovalNotFoundException")
    return approval


def _shown(call: Call, approval: Document, *, steps: bool = False) -> Document:
    """An Approval; its steps only where they are asked for by `$expand`."""
    organization = call.organization
    steps = steps or "steps" in call.query.get("$expand", "").lower()
    base = f"{organization.url}/{approval['project']}"
    return {
        "id": approval["id"],
        "steps": [_step(organization, step) for step in approval["steps"]] if steps else [],
        "status": approval["status"],
        "createdOn": approval["createdOn"],
        "lastModifiedOn": approval["lastModifiedOn"],
        "executionOrder": approval["executionOrder"],
        "minRequiredApprovers": approval["minRequiredApprovers"],
        "blockedApprovers": [organization.identity_of(one) for one in approval["blocked"]],
        "instructions": approval["instructions"],
        "_links": {"self": {"href": f"{base}/_apis/pipelines/approvals/{approval['id']}"}},
        "pipeline": _pipeline(organization, approval, base),
    }


def _pipeline(organization: Organization, approval: Document, base: str) -> Document | None:
    """Which run waits, as the wire has it beyond the description: its pipeline, and the run as `owner`."""
    run = organization.runs.get(approval["run"])
    pipeline = organization.pipelines.get(run["pipeline"]) if run else None
    if run is None or pipeline is None:
        return None
    return {
        "owner": {
            "_links": {
                "web": {"href": f"{base}/_build/results?buildId={run['id']}"},
                "self": {"href": f"{base}/_apis/build/Builds/{run['id']}"},
            },
            "id": run["id"],
            "name": run["name"],
        },
        "id": str(pipeline["id"]),
        "name": pipeline["name"],
    }


def _step(organization: Organization, step: Document) -> Document:
    people = {
        key: organization.identity_of(step[key])
        for key in ("assignedApprover", "actualApprover", "lastModifiedBy")
        if step.get(key)
    }
    plain = {
        key: step[key]
        for key in ("status", "comment", "order", "initiatedOn", "lastModifiedOn")
        if step.get(key) is not None
    }
    return people | plain | {"history": []}


RESOURCES = [
    Resource(
        "37794717-f36f-4d78-b2bf-4dc30d0cfbcd",
        "PipelinesApproval",
        "approvals",
        "{project}/_apis/pipelines/approvals/{approvalId}",
        collection={"GET": every, "PATCH": update},
        item={"GET": one},
    )
]
