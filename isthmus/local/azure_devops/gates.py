"""Gates before stages: authorization, and the checks of the resources that a stage uses.

`Gates.ask` blocks the run's thread. What cannot change is asked first (authorization, branch, template),
then approvals, business hours, and the exclusive locks last, so that nobody holds a lock while people think.
"""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from isthmus.errors import did_you_mean
from isthmus.local.azure_devops import checks, hours, resources
from isthmus.local.azure_devops.approvals import Approvals
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.locks import Locks
from isthmus.local.azure_devops.organization import Organization, new_id
from isthmus.local.azure_devops.protection import is_protected
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.host import Checkpoint, Decision

Lend = Callable[[], AbstractContextManager[None]]
Used = tuple[str, Document]


class Gates:
    """Decides whether a stage may begin."""

    def __init__(self, organization: Organization) -> None:
        self._organization = organization
        self._changed = threading.Condition()
        self.approvals = Approvals(organization, self._changed)
        self.locks = Locks(self._changed)

    def ask(self, run: Document, point: Checkpoint, cancelled: threading.Event, lend: Lend) -> Decision:
        used: list[Used] = []
        refusal = self._resolve(run, point, used) or self._static(run, point, used)
        if refusal:
            return Decision(False, refusal)
        asked = [(check, res) for res in used for check in resources.checks_on(self._organization, *res)]
        decision = Decision(True)
        waiting = [check for check, _ in asked if _takes_time(check)]
        if waiting:
            with lend():
                decision = self._wait(run, point, waiting, cancelled)
        if decision.allowed:
            self._remember(run, point, used)
        return decision

    def release(self, run: Document, point: Checkpoint) -> None:
        """The stage has ended."""
        self.locks.release(run["id"], point.stage_record_id)
        if run.get("passed", {}).pop(point.stage_record_id, None):
            self._organization.save_run(run)

    def cancel(self, *cancelled: threading.Event) -> None:
        """Set a run's or a stage's events, and wake what waits here."""
        with self._changed:
            for event in cancelled:
                event.set()
            self._changed.notify_all()

    def abandon(self, run: Document) -> None:
        """The run is over, however it ended."""
        self.locks.release(run["id"])
        self.approvals.withdraw(run)

    def _resolve(self, run: Document, point: Checkpoint, used: list[Used]) -> str:
        """Find all resources; the first that does not exist or does not admit the pipeline is the refusal."""
        for kind, names in (
            ("environment", point.environments),
            ("endpoint", point.connections),
            ("variablegroup", point.variable_groups),
        ):
            for name in names:
                mine = [one for one in self._organization.table(kind) if one["project"] == run["project"]]
                found = next(
                    (one for one in mine if name.lower() in (one["name"].lower(), str(one["id"]))), None
                )
                if found is None:
                    near = did_you_mean(name, [one["name"] for one in mine])
                    return f"there is no {_called(kind)} {name!r}{near}"
                used.append((kind, found))
        for alias in point.repositories:
            one = run["repositories"].get(alias)
            found = self._organization.repositories.get(one["id"]) if one else None
            if found and found["id"] != run["repository"]:
                used.append(("repository", found))
        return self._unauthorized(run, used)

    def _unauthorized(self, run: Document, used: list[Used]) -> str:
        for kind, found in used:
            if not resources.is_authorized(self._organization, kind, found, run["pipeline"]):
                return f"this pipeline is not authorized to use the {_called(kind)} {found['name']!r}"
        return ""

    def _static(self, run: Document, point: Checkpoint, used: list[Used]) -> str:
        """What branch control and required templates say; empty when nothing is against it."""
        for kind, found in used:
            for check in resources.checks_on(self._organization, kind, found):
                reason = ""
                if check["type"] == checks.EXTENDS:
                    reason = self._required_template(run, point, check["settings"])
                    self._show(run, point, "Checkpoint.ExtendsCheck", passed=not reason)
                elif checks.is_of(check, checks.BRANCH_CONTROL):
                    reason = self._branch_control(run, point, check["settings"]["inputs"])
                if reason:
                    return f"check on {_called(kind)} {found['name']!r}: {reason}"
        return ""

    def _show(self, run: Document, point: Checkpoint, type_: str, *, passed: bool) -> None:
        """A check that took no time, in the run's timeline below its stage."""
        moment = now()
        self._organization.ledger.put(
            run,
            {
                "id": new_id(),
                "parentId": point.stage_record_id,
                "type": type_,
                "name": type_,
                "identifier": f"{point.stage}.{type_.partition('.')[2]}",
                "state": "completed",
                "result": "succeeded" if passed else "failed",
                "startTime": moment,
                "finishTime": moment,
                "attempt": point.attempt,
                "issues": [],
            },
        )

    def _required_template(self, run: Document, point: Checkpoint, settings: Document) -> str:
        project = self._organization.project(run["project"])["name"]
        for required in settings["extendsChecks"]:
            if any(_is_template(required, extended, project) for extended in point.extends):
                return ""
        names = (f"{one['templatePath']} of {one['repositoryName']}" for one in settings["extendsChecks"])
        return f"the pipeline does not extend the required template ({', '.join(names)})"

    def _branch_control(self, run: Document, point: Checkpoint, inputs: Document) -> str:
        allowed = [one.strip() for one in str(inputs["allowedBranches"]).split(",") if one.strip()]
        ensure = str(inputs.get("ensureProtectionOfBranch", "false")).lower() == "true"
        for alias in dict.fromkeys(("self", *point.repositories)):
            one = run["repositories"].get(alias)
            if one is None:
                continue
            if not any(fnmatch.fnmatchcase(one["ref"], pattern) for pattern in allowed):
                return f"branch {one['ref']} of {one['name']} is not allowed ({', '.join(allowed)} is)"
            if ensure and not is_protected(self._organization, one["id"], one["ref"]):
                return f"branch {one['ref']} of {one['name']} has no branch policy"
        return ""

    def _wait(
        self, run: Document, point: Checkpoint, waiting: list[Document], cancelled: threading.Event
    ) -> Decision:
        approvals = [check for check in waiting if check["type"] == checks.APPROVAL]
        locks = [check for check in waiting if check["type"] == checks.EXCLUSIVE_LOCK]
        timed = [check for check in waiting if checks.is_of(check, hours.NAME)]
        decision = self.approvals.wait(run, point, approvals, cancelled)
        if decision.allowed and timed:
            decision = self._hours(run, point, timed, cancelled)
        if not decision.allowed or not locks:
            return decision
        names = sorted({"/".join(check["resource"]) for check in locks})
        decision = self.locks.wait(run, point, names, cancelled)
        if not decision.allowed:
            self.locks.release(run["id"], point.stage_record_id)
        return decision

    def _hours(
        self, run: Document, point: Checkpoint, timed: list[Document], cancelled: threading.Event
    ) -> Decision:
        record: Document = {
            "id": new_id(),
            "parentId": point.stage_record_id,
            "type": "Checkpoint.TaskCheck",
            "name": timed[0]["settings"].get("displayName") or "Business hours",
            "identifier": f"{point.stage}.hours",
            "state": "inProgress",
            "startTime": now(),
            "attempt": point.attempt,
            "issues": [],
        }
        self._organization.ledger.put(run, record)
        decision = hours.wait(self._changed, timed, cancelled)
        result = "succeeded" if decision.allowed else "canceled" if decision.canceled else "failed"
        ended = {"state": "completed", "result": result, "finishTime": now()}
        self._organization.ledger.put(run, record | ended)
        return decision

    def _remember(self, run: Document, point: Checkpoint, used: list[Used]) -> None:
        """Which connections this stage may have tokens of."""
        if lent := [found["id"] for kind, found in used if kind == "endpoint"]:
            run.setdefault("passed", {})[point.stage_record_id] = lent
            self._organization.save_run(run)


def _takes_time(check: Document) -> bool:
    return check["type"] in (checks.APPROVAL, checks.EXCLUSIVE_LOCK) or checks.is_of(check, hours.NAME)


def _is_template(required: Document, extended: tuple[str, str, str, str], project: str) -> bool:
    type_, name, ref, path = extended
    full = (name if "/" in name else f"{project}/{name}").lower()
    return (
        type_.lower() == required["repositoryType"].lower()
        and required["repositoryName"].lower() in (full, full.rpartition("/")[2])
        and ref == required["repositoryRef"]
        and path.strip("/") == required["templatePath"].strip("/")
    )


def _called(kind: str) -> str:
    return {"endpoint": "service connection", "variablegroup": "variable group"}.get(kind, kind)
