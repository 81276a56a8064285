"""Approvals that deployments wait for: listed, and given or refused as the signed-in person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from isthmus.azure.client import Client
from isthmus.azure.people import Person, person
from isthmus.azure.runs import timeline
from isthmus.errors import NotFound, Refused

Verdict = Literal["approved", "rejected"]


@dataclass(frozen=True)
class Approval:
    """One approval; `run` is 0 where Azure DevOps does not say which run waits for it.

    `given_as` is whom Azure DevOps had asked, such as a group, for each of those who gave it (`given_by`).
    """

    id: str
    status: str
    run: int
    pipeline: str
    created: str
    instructions: str
    approvers: tuple[str, ...]
    approved_by: tuple[str, ...]
    decided: str
    comment: str
    given_by: tuple[Person, ...] = ()
    given_as: tuple[Person, ...] = ()

    @property
    def about(self) -> str:
        """What is protected, as our instructions begin: the environment prod, a service connection."""
        return self.instructions.partition(": ")[0]


def pending(client: Client, run: int = 0) -> list[Approval]:
    """What waits for approval, oldest first; only what that run waits for, if one is named."""
    found = client.get("pipelines/approvals", **{"state": "pending", "$expand": "steps"})["value"]
    return _of_run(client, sorted(map(_approval, found), key=lambda one: one.created), run)


def every(client: Client, run: int, records: Iterable[Mapping[str, Any]] | None = None) -> list[Approval]:
    """What a run's stages waited for, also what has been decided: by whom, and with which comment.

    Only of each stage's newest attempt: who let another one pass did not let this one pass. `records` is
    the run's timeline, for who has it.
    """
    asked = _asked(timeline(client, run) if records is None else records)
    if not asked:
        return []
    found = client.get("pipelines/approvals", **{"approvalIds": ",".join(asked), "$expand": "steps"})["value"]
    return [replace(_approval(one), run=run) for one in found]


def passed(client: Client, run: int) -> tuple[str, str]:
    """Who let the run pass, and when the last of them did; empty where nobody has."""
    given = [one for one in every(client, run) if one.status == "approved"]
    people = {name for one in given for name in one.approved_by}
    return ", ".join(sorted(people)), max((one.decided for one in given), default="")


def decide_run(
    client: Client,
    run: int,
    comment: str,
    verdict: Verdict = "approved",
    tell: Callable[[Approval], None] = lambda _: None,
) -> list[Approval]:
    """Approve or reject all that a run waits for, each by itself: the environment's check, the connection's.

    `tell` hears of each that went through. Raises `NotFound` when the run waits for none; and `Refused`, once
    all were tried, for somebody who may not decide one of them, such as the run's requester.
    """
    waiting = pending(client, run)
    if not waiting:
        raise NotFound(f"run {run} waits for no approval", todo="see what does: isthmus azure approvals")
    decided, refused = [], None
    for one in waiting:
        body = [{"approvalId": one.id, "status": verdict, "comment": comment}]
        try:
            (found,) = map(_approval, client.patch("pipelines/approvals", body)["value"])
        except Refused as error:
            refused = Refused(f"{one.about or one.id}: {error.what}", where=error.where, todo=error.todo)
            continue
        tell(found)
        decided.append(found)
    if refused:
        raise refused
    return decided


def _of_run(client: Client, found: list[Approval], run: int) -> list[Approval]:
    """Those of the run: as they say themselves, else as the run's timeline says, which has their ids."""
    if not run:
        return found
    if all(one.run for one in found):
        return [one for one in found if one.run == run]
    mine = _asked(timeline(client, run))
    return [replace(one, run=run) for one in found if one.id in mine]


def _asked(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the approvals in a run's timeline, which has the newest attempts alone."""
    return [record["id"] for record in records if record["type"] == "Checkpoint.Approval"]


def _approval(found: Mapping[str, Any]) -> Approval:
    steps = found.get("steps") or []
    owner = (found.get("pipeline") or {}).get("owner") or {}
    given = [step for step in steps if step.get("actualApprover")]
    given_by = tuple(person(step["actualApprover"]) for step in given)
    return Approval(
        id=found["id"],
        status=found["status"],
        run=int(owner.get("id") or 0),
        pipeline=(found.get("pipeline") or {}).get("name", ""),
        created=found["createdOn"],
        instructions=found.get("instructions") or "",
        approvers=tuple(step["assignedApprover"]["displayName"] for step in steps),
        approved_by=tuple(str(one) for one in given_by),
        decided=max((step["lastModifiedOn"] for step in given), default=""),
        comment="; ".join(step["comment"] for step in steps if step.get("comment")),
        given_by=given_by,
        given_as=tuple(person(step["assignedApprover"]) for step in given),
    )
