"""The project and its repositories: made, filled, and brought up to date."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from isthmus.azure import contents, pull_requests
from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction, there
from isthmus.azure.present import Present
from isthmus.azure.resources import Kind, Repository
from isthmus.errors import Unavailable

PROJECT_TIMEOUT = 120
# The branch on which new contents of the platform's own repository are proposed.
UPDATE = "isthmus/update"
UPDATE_TITLE = "Bring the platform to the version of Isthmus that provisions it"


@dataclass(frozen=True)
class CreateProject(Instruction):
    name: str

    @property
    def summary(self) -> str:
        return f"+ project {self.name}"

    def carry_out(self, present: Present) -> None:
        made = {
            "name": self.name,
            "visibility": "private",
            "capabilities": {
                "versioncontrol": {"sourceControlType": "Git"},
                # 'Basic', the same in every organization.
                "processTemplate": {"templateTypeId": "b8a3a935-7e91-48b8-a94c-606d37c3e9f2"},
            },
        }
        _wait(present, present.clients.get_core_client().queue_create_project(made), self.name)


@dataclass(frozen=True)
class HideProject(Instruction):
    """Nobody sees the project who is not let to."""

    name: str
    was: str

    @property
    def summary(self) -> str:
        return f"~ project {self.name}"

    @property
    def differences(self) -> tuple[Difference, ...]:
        return (Difference("visibility", self.was, "private"),)

    def carry_out(self, present: Present) -> None:
        core = present.clients.get_core_client()
        _wait(present, core.update_project({"visibility": "private"}, present.project()), self.name)


def _wait(present: Present, operation: Any, project: str) -> None:
    """Until the operation on the project is over; raises `Unavailable` where that takes too long."""
    deadline = time.monotonic() + PROJECT_TIMEOUT
    operations = present.clients.get_operations_client()
    while operation.status in ("queued", "inProgress", "notSet"):
        operation = operations.get_operation(operation.id)
        if time.monotonic() > deadline:
            raise Unavailable(f"project {project} was not ready within {PROJECT_TIMEOUT} s")
        if operation.status != "succeeded":
            time.sleep(1)


@dataclass(frozen=True)
class CreateRepository(Instruction):
    name: str

    @property
    def summary(self) -> str:
        return f"+ repository {self.name}"

    @property
    def makes(self) -> tuple[Kind, str] | None:
        return "repository", self.name

    def carry_out(self, present: Present) -> None:
        project = present.client.project
        present.clients.get_git_client().create_repository({"name": self.name}, project)


@dataclass(frozen=True)
class Push(Instruction):
    repository: Repository
    folders: contents.Folders

    @property
    def summary(self) -> str:
        return f"> repository {self.repository.name}: push {self.folders.of(self.repository)} to main"

    def carry_out(self, present: Present) -> None:
        found = there(present.repository(self.repository.name), "repository", self.repository.name)
        files = self.folders.files(self.repository)
        message = f"Fill {self.repository.name} from isthmus\n\n[skip ci]"
        contents.push(files, found.remote_url, present.client.token, message)


@dataclass(frozen=True)
class Propose(Instruction):
    """Where main moves by pull request only, new contents come by one."""

    repository: Repository
    folders: contents.Folders

    @property
    def summary(self) -> str:
        folder = self.folders.of(self.repository)
        return f"> repository {self.repository.name}: propose {folder} by a pull request from {UPDATE}"

    def carry_out(self, present: Present) -> None:
        name, client = self.repository.name, present.client
        found = there(present.repository(name), "repository", name)
        files = self.folders.files(self.repository)
        contents.push(files, found.remote_url, client.token, UPDATE_TITLE, UPDATE)
        pull_requests.ensure(client, name, UPDATE, UPDATE_TITLE)


@dataclass(frozen=True)
class ChangeRepository(Instruction):
    """One thing of a repository, as the API calls it: its `defaultBranch`, or whether it `isDisabled`."""

    repository: str
    says: str
    difference: Difference

    @property
    def summary(self) -> str:
        return f"~ repository {self.repository}: {self.says}"

    @property
    def differences(self) -> tuple[Difference, ...]:
        return (self.difference,)

    def carry_out(self, present: Present) -> None:
        found = there(present.repository(self.repository), "repository", self.repository)
        change = {self.difference.what: self.difference.will_be}
        present.client.patch(f"git/repositories/{found.id}", change)
