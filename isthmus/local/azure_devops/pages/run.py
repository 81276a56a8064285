"""One run: its stages, jobs and steps, what it waits for, and what it left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pages import log, tests
from isthmus.local.azure_devops.pages.page import Asked, Page
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.timeline import run_folder
from isthmus.local.pipelines.logging_commands import SUMMARY


@dataclass(frozen=True)
class Job:
    """A job and its steps."""

    record: Document
    steps: list[Document]


@dataclass(frozen=True)
class Stage:
    record: Document
    jobs: list[Job]
    approvals: list[Document] = field(default_factory=list)

    @property
    def shown(self) -> Document:
        """The stage's record, `waiting` where a person has to decide."""
        if any(one["status"] == "pending" for one in self.approvals):
            return self.record | {"state": "waiting", "result": None}
        return self.record


def one(asked: Asked) -> Page:
    """The run; with `view=logs&t=<record>` what one of its steps wrote, with the tab's name its tests."""
    if asked.query.get("view") == "logs" and "t" in asked.query:
        return log.one(asked)
    if asked.query.get("view") == tests.VIEW:
        return tests.one(asked)
    organization, run = asked.organization, asked.run()
    pipeline = organization.pipelines[run["pipeline"]]
    found = stages(organization, run)
    shown = {
        "base": asked.base,
        "run": run,
        "pipeline": pipeline,
        "repository": organization.repositories[run["repository"]],
        "stages": found,
        "logs": set(run.get("logs", {})),
        "tests": tests.suites(organization, run),
        "tests_view": tests.VIEW,
        "summaries": summaries(organization, run),
        "waits": any(one.shown["state"] == "waiting" for one in found),
    }
    trail = (*asked.trail, (pipeline["name"], f"{asked.base}/_build?definitionId={pipeline['id']}"))
    return Page("run.html", f"Run {run['id']}", trail, shown, is_live=run["state"] != "completed")


def stages(organization: Organization, run: Document) -> list[Stage]:
    """The stages in order, each with its jobs and the approvals that it asked for."""
    records = list(organization.ledger.records(run).values())
    approvals = [one for one in organization.table("approval") if one["run"] == run["id"]]
    return [
        Stage(
            stage,
            [
                Job(job, _below(records, job, "Task"))
                for phase in _below(records, stage, "Phase")
                for job in _below(records, phase, "Job") or [phase]
            ],
            [one for one in approvals if one["stageRecord"] == stage["id"]],
        )
        for stage in _in_order(one for one in records if one["type"] == "Stage")
    ]


def summaries(organization: Organization, run: Document) -> list[str]:
    """What the steps of the newest attempts wrote as summaries, in Markdown."""
    files = sorted((run_folder(organization, run) / "attachments").glob(f"*/{SUMMARY}/*"))
    known = organization.ledger.records(run)
    return [file.read_text(encoding="utf-8", errors="replace") for file in files if file.parts[-3] in known]


def _below(records: Iterable[Document], parent: Document, kind: str) -> list[Document]:
    return _in_order(one for one in records if one["parentId"] == parent["id"] and one["type"] == kind)


def _in_order(records: Iterable[Document]) -> list[Document]:
    return sorted(records, key=lambda one: one.get("order") or 0)
