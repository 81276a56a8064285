"""One organization: its state, its keys and its people, and how its things are found by name or id."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from isthmus.local.azure_devops.faults import Fault, not_found
from isthmus.local.azure_devops.keys import Key
from isthmus.local.azure_devops.principals import Principal, Principals
from isthmus.local.azure_devops.settings import Settings
from isthmus.local.azure_devops.store import Document, Store, Table

if TYPE_CHECKING:
    from isthmus.local.azure_devops.agents import RunAgents
    from isthmus.local.azure_devops.gates import Gates
    from isthmus.local.azure_devops.timeline import Ledger

log = logging.getLogger("isthmus.azure_devops")
NOTHING = "0" * 40


@dataclass(frozen=True)
class RefUpdate:
    """A branch or tag that moved; `NOTHING` stands for not being there."""

    name: str
    old: str
    new: str


Listener = Callable[["Organization", Document, Principal, list[RefUpdate]], None]
RunListener = Callable[["Organization", Document], None]


def no_project(name: str) -> Fault:
    """What somebody is told of a project that is not there, or is none of her business."""
    return not_found(
        f"TF200016: The following project does not exist: {name}. Verify that the name of the "
        "project is correct and that the project exists on the specified Azure DevOps Server.",
        "ProjectDoesNotExistWithNameException",
    )


def no_repository(name: str) -> Fault:
    """The same of a repository."""
    return not_found(
        f"TF401019: The Git repository with name or identifier {name} does not exist or you do not "
        "have permissions for the operation you are attempting.",
        "GitRepositoryNotFoundException",
    )


def enabled(repository: Document, called: str) -> Document:
    """A repository of which one may see more than that it is there; raises 404 for a disabled one.

    https://learn.microsoft.com/azure/devops/release-notes/2021/repos/sprint-184-update
    """
    if repository.get("isDisabled"):
        raise no_repository(called)
    return repository


class Organization:
    """What the handlers share. `url` is the organization's URL, without a slash at its end."""

    def __init__(self, settings: Settings, state: Path, url: str) -> None:
        self.settings = settings
        self.state = state
        self.url = f"{url}/{settings.organization}"
        self.store = Store(state / "azure.sqlite")
        self.issuer_key = Key(state / "issuer.pem")
        self.entra_key = Key(state / "entra.pem")
        self.principals = Principals(settings, state, self.entra_key)
        self.ref_listeners: list[Listener] = []
        self.projects = self.store.table("project")
        for project in self.projects:
            self.principals.add_project(project["name"])
        self.repositories = self.store.table("repository")
        self.pipelines = self.store.table("pipeline")
        self.endpoints = self.store.table("endpoint")
        self.environments = self.store.table("environment")
        self.runs = self.store.table("run")
        self._runs_of: dict[int, list[Document]] = {}
        for run in sorted(self.runs, key=lambda one: int(one["id"])):
            self._runs_of.setdefault(run["pipeline"], []).append(run)
        # Set by `server.build`, which puts the parts together.
        self.agents: RunAgents
        self.gates: Gates
        self.ledger: Ledger
        self.run_listeners: list[RunListener] = []

    def table(self, kind: str) -> Table:
        return self.store.table(kind)

    def git(self, repository: Document) -> Path:
        """The bare repository's folder."""
        return self.state / "git" / f"{repository['id']}.git"

    def project(self, name: str) -> Document:
        found = _find(self.projects, name)
        if found is None:
            raise no_project(name)
        return found

    def repository(self, name: str, project: Document | None = None) -> Document:
        mine = (one for one in self.repositories if not project or one["project"] == project["id"])
        found = _find(mine, name)
        if found is None:
            raise no_repository(name)
        return found

    def pipeline(self, number: int, project: Document) -> Document:
        found = self.pipelines.get(number)
        if found is None or found["project"] != project["id"]:
            raise not_found(f"Pipeline with id {number} not found.", "PipelineNotFoundException")
        return found

    def require_unnamed(self, name: str, folder: str, project: Document, but: int = 0) -> None:
        """Raise where another pipeline of that folder has the name."""
        for other in self.pipelines:
            there = other["project"], other["folder"].lower(), other["name"].lower()
            if other["id"] != but and there == (project["id"], folder.lower(), name.lower()):
                raise Fault(
                    409,
                    "DefinitionExistsException",
                    f"A definition with name {name} and path {folder} already exists.",
                )

    def runs_of(self, pipeline: int) -> list[Document]:
        """The runs of a pipeline, newest first."""
        return self._runs_of.get(pipeline, [])[::-1]

    def runs_count(self, pipeline: int) -> int:
        return len(self._runs_of.get(pipeline, []))

    def save_run(self, run: Document) -> Document:
        with self.store.lock:
            if self.runs.get(run["id"]) is None:
                self._runs_of.setdefault(run["pipeline"], []).append(run)
            return self.runs.save(run["id"], run)

    def drop_run(self, run: Document) -> None:
        with self.store.lock:
            self._runs_of[run["pipeline"]].remove(run)
            self.runs.drop(run["id"])

    def drop_pipeline(self, number: int) -> None:
        """Forget a pipeline and its runs."""
        with self.store.lock:
            for run in self._runs_of.pop(number, []):
                self.runs.drop(run["id"])
            self.pipelines.drop(number)

    def run_ended(self, run: Document) -> None:
        """Tell policies; what goes wrong there does not change the run."""
        for listener in self.run_listeners:
            try:
                listener(self, run)
            except Exception:
                log.exception("after run %s", run["id"])

    def refs_updated(self, repository: Document, principal: Principal, updates: list[RefUpdate]) -> None:
        """Tell triggers and pull requests; what goes wrong there does not undo the push."""
        for listener in self.ref_listeners:
            try:
                listener(self, repository, principal, updates)
            except Exception:
                log.exception("after a push to %s", repository["name"])

    def project_url(self, project: Document) -> str:
        return f"{self.url}/{project['id']}"

    def git_url(self, project: Document, repository: Document) -> str:
        """Of a repository, as people and git have it: by names, percent-encoded."""
        return f"{self.url}/{quote(project['name'])}/_git/{quote(repository['name'])}"

    def identity(self, principal: Principal) -> Document:
        """The principal as an IdentityRef."""
        url = f"{self.url}/_apis/Identities/{principal.id}"
        avatar = f"{self.url}/_apis/GraphProfile/MemberAvatars/{principal.descriptor}"
        return {
            "displayName": principal.display_name,
            "url": url,
            "_links": {
                "avatar": {"href": f"{self.url}/_apis/GraphProfile/MemberAvatars/{principal.descriptor}"}
            },
            "id": principal.id,
            "uniqueName": unique_name(principal),
            "imageUrl": avatar,
            "descriptor": principal.descriptor,
        }

    def identity_of(self, key: str) -> Document | None:
        found = self.principals.get(key)
        return self.identity(found) if found else None


def unique_name(principal: Principal) -> str:
    if principal.kind == "user":
        return f"{principal.name}@{principal.kind}.example"
    return principal.application or principal.display_name


def project_reference(organization: Organization, project: Document) -> Document:
    """A TeamProjectReference."""
    return {
        "id": project["id"],
        "name": project["name"],
        "url": f"{organization.url}/_apis/projects/{project['id']}",
        "state": "wellFormed",
        "revision": project["revision"],
        "visibility": project.get("visibility", "private"),
        "lastUpdateTime": project["lastUpdateTime"],
    }


def new_id() -> str:
    return str(uuid.uuid4())


def _find(among: Iterable[Document], name: str) -> Document | None:
    wanted = name.lower()
    return next((one for one in among if wanted in (one["name"].lower(), one["id"])), None)
