"""Timelines and logs of runs: records of stages, jobs and steps, and the lines that steps wrote."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from isthmus.local.azure_devops.clock import now, written
from isthmus.local.azure_devops.organization import Organization, new_id
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.host import Record
from isthmus.local.pipelines.timeline import record_id

# Which timeline of the past a record is in, and the output variables of a job.
_KEPT_INSIDE = ("past", "outputs")


class Ledger:
    """The timelines and logs of all runs. Records are kept as one document per run, lines as files."""

    def __init__(self, organization: Organization) -> None:
        self._organization = organization
        self._table = organization.table("timeline")
        self._lock = threading.Lock()

    def put(self, run: Document, record: Document) -> None:
        """Keep a record; what is known of it and not given stays."""
        with self._lock:
            timeline = self._table.get(run["id"]) or {"id": run["plan"], "changeId": 0, "records": {}}
            timeline["changeId"] += 1
            known = timeline["records"].get(record["id"], {})
            stamp = {"lastModified": now(), "changeId": timeline["changeId"]}
            timeline["records"][record["id"]] = known | record | stamp
            timeline["lastChangedOn"] = stamp["lastModified"]
            # That something is to be done, or was skipped, is written with what is done, or ended, above it.
            waits = record.get("state") == "pending" or (
                record.get("result") == "skipped" and record.get("type") != "Stage"
            )
            keep = self._table.hold if waits else self._table.save
            keep(run["id"], timeline)

    def records(self, run: Document, past: str | None = None) -> dict[str, Document]:
        """The records of the newest attempts by id; or of the timeline of a `past` one."""
        with self._lock:
            timeline = self._table.get(run["id"]) or {"records": {}}
            return {key: one for key, one in timeline["records"].items() if one.get("past") == past}

    def record(self, run: Document, key: str) -> Document:
        """A record of any attempt."""
        found: Document = self._table[run["id"]]["records"][key]
        return found

    def set_aside(self, run: Document, again: Collection[str], stands: Collection[str]) -> None:
        """Put the stages that run again, with what is below them, into a timeline of the past.

        The records whose ids are in `stands` go over to the next attempt of what they are in.
        """
        with self._lock:
            timeline, past = self._table[run["id"]], new_id()
            records = [one for one in timeline["records"].values() if "past" not in one]
            leaving = {one["id"] for one in records if one["type"] == "Stage" and one["refName"] in again}
            for record in _downwards(records):
                above = timeline["records"].get(record["parentId"])
                if above is None or above["id"] not in leaving:
                    continue
                if record["id"] in stands:
                    record["parentId"] = _next_id(run, above)
                else:
                    leaving.add(record["id"])
            for key in leaving:
                timeline["records"][key]["past"] = past
            self._table.save(run["id"], timeline)

    def shown(self, run: Document, past: str | None = None) -> Document:
        """A Timeline; without records before anything was to be done."""
        with self._lock:
            nothing = {"id": run["plan"], "changeId": 0, "records": {}, "lastChangedOn": run["createdDate"]}
            timeline = self._table.get(run["id"]) or nothing
            before = [one for one in timeline["records"].values() if "past" in one]
            found = [one for one in timeline["records"].values() if one.get("past") == past]
            records = [self._record(run, one, before) for one in found]
        number = past or timeline["id"]
        return {
            "id": number,
            "changeId": timeline["changeId"],
            "lastChangedBy": self._organization.principals.build_service.id,
            "lastChangedOn": timeline["lastChangedOn"],
            "records": records,
            "url": f"{self._url(run)}/timeline/{number}",
        }

    def append(self, run: Document, record_id: str, lines: Sequence[str]) -> None:
        """Write lines to the record's log, each with the moment that it came."""
        log = self._log_of(run, record_id)
        path = self._path(run, log["id"])
        stamp = now().replace("Z", "0Z")
        text = "".join(f"{stamp} {part}\n" for line in lines for part in (line.splitlines() or [""]))
        with self._lock, path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
            log["lineCount"] += text.count("\n")
            log["lastChangedOn"] = now()

    def logs(self, run: Document) -> list[Document]:
        return [self._log_shown(run, log) for log in run.get("logs", {}).values()]

    def log(self, run: Document, number: int) -> Document | None:
        return next((one for one in self.logs(run) if one["id"] == number), None)

    def lines(self, run: Document, number: int) -> list[str]:
        try:
            return self._path(run, number).read_text(encoding="utf-8").split("\n")[:-1]
        except FileNotFoundError:
            return []

    def _log_of(self, run: Document, record_id: str) -> Document:
        with self._lock:
            logs: dict[str, Document] = run.setdefault("logs", {})
            if record_id not in logs:
                logs[record_id] = {
                    "id": len(logs) + 1,
                    "lineCount": 0,
                    "createdOn": now(),
                    "lastChangedOn": now(),
                }
                self._organization.save_run(run)
            return logs[record_id]

    def _log_shown(self, run: Document, log: Document) -> Document:
        return log | {"type": "Container", "url": f"{self._url(run)}/logs/{log['id']}"}

    def _record(self, run: Document, record: Document, before: Iterable[Document]) -> Document:
        log = run.get("logs", {}).get(record["id"])
        shown = (
            {"id": log["id"], "type": "Container", "url": f"{self._url(run)}/logs/{log['id']}"}
            if log
            else None
        )
        attempts = [
            {"attempt": one["attempt"], "timelineId": one["past"], "recordId": one["id"]}
            for one in before
            if (one["type"], one["identifier"]) == (record["type"], record["identifier"])
            and one["attempt"] < record["attempt"]
        ]
        whole = record | {"log": shown, "previousAttempts": attempts}
        return {key: value for key, value in whole.items() if value is not None and key not in _KEPT_INSIDE}

    def _path(self, run: Document, number: int) -> Path:
        folder = run_folder(self._organization, run) / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{number}.log"

    def _url(self, run: Document) -> str:
        return f"{self._organization.url}/{run['project']}/_apis/build/Builds/{run['id']}"


def _downwards(records: Collection[Document]) -> list[Document]:
    """Each after what it stands below."""
    order = ("Stage", "Phase", "Job", "Task")
    return sorted(records, key=lambda one: order.index(one["type"]) if one["type"] in order else 1)


def _next_id(run: Document, record: Document) -> str:
    """The id that the record of a stage or a job will have at its next attempt."""
    kind, identifier, order = record["type"], record["identifier"], record["order"]
    return record_id(run["plan"], kind, identifier, order, record["attempt"] + 1)


def run_folder(organization: Organization, run: Document) -> Path:
    """Where the run's logs, artifacts and attachments are."""
    return organization.state / "runs" / str(run["id"])


def from_record(record: Record) -> Document:
    """A TimelineRecord of what the engine reports."""
    issues: list[Document] = [
        {"type": one.type, "category": "General", "message": one.message, "data": {}} for one in record.issues
    ]
    return {
        "id": record.id,
        "parentId": record.parent_id,
        "type": record.type,
        "name": record.name,
        "refName": record.ref_name,
        "identifier": record.identifier,
        "order": record.order,
        "state": record.state,
        "result": record.result,
        "startTime": _moment(record.start),
        "finishTime": _moment(record.finish),
        "attempt": record.attempt,
        "percentComplete": record.percent,
        "currentOperation": None,
        "resultCode": None,
        "workerName": "isthmus" if record.type == "Job" else None,
        "errorCount": sum(one.type == "error" for one in record.issues),
        "warningCount": sum(one.type == "warning" for one in record.issues),
        "issues": issues,
        "task": _task(record.task),
        "outputs": {name: [one.value, one.secret] for name, one in record.outputs.items()},
    }


def _task(task: str | None) -> Document | None:
    if not task:
        return None
    name, _, version = task.partition("@")
    return {"id": "00000000-0000-0000-0000-000000000000", "name": name, "version": version or "1"}


def _moment(moment: datetime | None) -> str | None:
    return written(moment) if moment else None
