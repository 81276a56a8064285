"""The organization, a project at a glance, and the runs of its pipelines."""

from __future__ import annotations

from typing import Any

from isthmus.local.azure_devops.pages.page import Asked, Page
from isthmus.local.azure_devops.store import Document

LATEST, MOST = 8, 100


def every(asked: Asked) -> Page:
    """The projects of the organization."""
    organization = asked.organization
    return Page(
        "organization.html", organization.settings.organization, (), {"projects": list(organization.projects)}
    )


def one(asked: Asked) -> Page:
    """What waits, what ran, and what there is."""
    project = asked.project
    shown = {
        "base": asked.base,
        "waiting": _waiting(asked),
        "runs": _with_pipelines(asked, _runs(asked)[:LATEST]),
        "pipelines": [
            (one, next(iter(asked.organization.runs_of(one["id"])), None)) for one in _pipelines(asked)
        ],
        "repositories": _of_project(asked, "repository"),
        "requests": _requests(asked),
        "environments": [(one, _deployed(asked, one)) for one in _of_project(asked, "environment")],
    }
    return Page("project.html", project["name"], asked.trail[:1], shown, is_live=_is_busy(asked))


def runs(asked: Asked) -> Page:
    """The runs of the project, or of the pipeline that `definitionId` names."""
    number = asked.query.get("definitionid")
    if number:
        pipeline = asked.organization.pipeline(int(number) if number.isdecimal() else 0, asked.project)
        found, title = asked.organization.runs_of(pipeline["id"]), pipeline["name"]
    else:
        found, title = _runs(asked), "Runs"
    shown = {"base": asked.base, "runs": _with_pipelines(asked, found[:MOST]), "more": len(found) > MOST}
    return Page(
        "runs.html", title, asked.trail, shown, is_live=any(run["state"] != "completed" for run in found)
    )


def _of_project(asked: Asked, kind: str) -> list[Document]:
    return [one for one in asked.organization.table(kind) if one["project"] == asked.project["id"]]


def _pipelines(asked: Asked) -> list[Document]:
    return sorted(_of_project(asked, "pipeline"), key=lambda one: str(one["name"]))


def _runs(asked: Asked) -> list[Document]:
    return sorted(_of_project(asked, "run"), key=lambda one: -int(one["id"]))


def _with_pipelines(asked: Asked, runs: list[Document]) -> list[tuple[Document, Document]]:
    return [(run, asked.organization.pipelines[run["pipeline"]]) for run in runs]


def _waiting(asked: Asked) -> list[tuple[Document, Document, list[Document]]]:
    """The runs that wait for people, each with its pipeline and its approvals."""
    pending = [one for one in _of_project(asked, "approval") if one["status"] == "pending"]
    waiting = [run for run in _runs(asked) if any(one["run"] == run["id"] for one in pending)]
    return [(run, pipeline, [one for one in pending if one["run"] == run["id"]])
            for run, pipeline in _with_pipelines(asked, waiting)]  # fmt: skip


def _requests(asked: Asked) -> list[tuple[Document, Document]]:
    """The newest pull requests, each with its repository."""
    found = sorted(_of_project(asked, "pullrequest"), key=lambda one: -int(one["pullRequestId"]))[:LATEST]
    return [(one, asked.organization.repositories[one["repository"]]) for one in found]


def _deployed(asked: Asked, environment: Document) -> tuple[Document, Any] | None:
    """What was deployed to the environment last, and the run that did it."""
    found = [one for one in asked.organization.table("deployment") if one["environment"] == environment["id"]]
    last = max(found, key=lambda one: int(one["id"]), default=None)
    return (last, asked.organization.runs.get(last["run"])) if last else None


def _is_busy(asked: Asked) -> bool:
    return any(run["state"] != "completed" for run in _of_project(asked, "run"))
