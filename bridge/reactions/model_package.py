"""A model version whose approval status changed: an approval deploys it, and people are told what waits.

Contract: "Events that Amazon SageMaker AI sends to Amazon EventBridge".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge import deployments, models, notices, pending, rollbacks
from bridge.envelope import Envelope, Refused, word
from bridge.notices import Waiting
from bridge.trace import Hop, Trace, ignored

# As SageMaker has the names of groups, which may be those of other teams.
GROUP = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")


@dataclass(frozen=True)
class PackageState:
    """A model package was created or changed, at the moment `at`.

    `approval_changed` is None where the event does not say what changed: the package is new.
    """

    model: str
    arn: str
    status: str
    approval: str
    approval_changed: bool | None
    at: str


def react(event: Envelope, trace: Trace) -> Hop:
    state = _state(event)
    trace.received("approval", state.model, model_package_arn=state.arn)
    if state.approval == "pendingmanualapproval" and state.approval_changed is None:
        return _announced(state)
    if state.approval != "approved":
        return _withdrawn(state, event.id)
    if state.approval_changed is None:
        return _approved_by_nobody(state)
    # Editing an approved package's metadata sends Approved again, and deploying writes metadata.
    if state.approval_changed is False:
        return ignored("metadata changed, not the approval")
    if state.status not in ("", "completed"):
        return ignored(f"the model package is {state.status}; another event tells when it is complete")
    if not models.is_ours(state.model):
        return ignored(models.NOT_OURS)
    return deployments.approved(state.model, state.arn, state.at, event.id)


def _withdrawn(state: PackageState, correlation_id: str) -> Hop:
    """A version that serves, and should not, makes room for the one before it where the model says so."""
    if not state.approval_changed:
        return ignored(f"approval status is {state.approval}")
    if not (ours := models.find(state.model)):
        return ignored(models.NOT_OURS)
    if not ours.rollback_rejected:
        return ignored(f"approval status is {state.approval}; people are told where it serves")
    return rollbacks.withdrawn(state.model, state.arn, state.at, correlation_id)


def _announced(state: PackageState) -> Hop:
    """People are told that it waits, with its metrics; of an edit they are not."""
    if not models.is_ours(state.model):
        return ignored(models.NOT_OURS)
    told = pending.version(state.arn)
    return Hop(told[0]) if told else ignored("told already, not complete, or decided")


def _approved_by_nobody(state: PackageState) -> Hop:
    """People are told; nothing deploys it until one of them approves it."""
    if not models.is_ours(state.model):
        return ignored(models.NOT_OURS)
    number = state.arn.rpartition("/")[2]
    waiting = Waiting(
        subject=f"{state.arn}#approved by nobody",
        what=f"Version {number} of {state.model} was registered as approved, by nobody",
        since=datetime.now(UTC),
        lines=lambda: [
            "It is not deployed: a person must approve it. Who registers versions should leave them pending.",
            f"Do: isthmus reject {state.model} {number} --comment WHY",
            f"Then, if it is to be deployed: isthmus approve {state.model} {number}",
        ],
    )
    notices.tell(waiting)
    return Hop("noticed", {"reason": "registered as approved, by nobody: a person must approve it"})


def _state(event: Envelope) -> PackageState:
    event.of_account(event.told.automation_account)
    model, arn = event.text("ModelPackageGroupName", 63), event.text("ModelPackageArn", 2048)
    if not GROUP.fullmatch(model):
        raise Refused("a model package group of a name that none can have")
    # SageMaker writes ARNs in lower case.
    group = f"arn:aws:sagemaker:{event.told.region}:{event.account}:model-package/{model.lower()}/"
    if not arn.startswith(group) or not re.fullmatch(r"[1-9][0-9]{0,8}", arn.removeprefix(group)):
        raise Refused("the model package ARN is not one of its group in this account")
    updated = event.detail.get("UpdatedModelPackageFields")
    if updated is not None and not isinstance(updated, list):
        raise Refused("UpdatedModelPackageFields is not a list")
    event.about(arn)
    return PackageState(
        model=model,
        arn=arn,
        status=word(event.text("ModelPackageStatus", 40)) if "ModelPackageStatus" in event.detail else "",
        approval=word(event.text("ModelApprovalStatus", 40)),
        approval_changed=None if updated is None else "ModelApprovalStatus" in updated,
        at=event.moment("CreationTime" if updated is None else "LastModifiedTime"),
    )
