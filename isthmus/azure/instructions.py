"""The small changes that bring Azure DevOps to what is wanted; each can be printed, and carried out once.

`carry_out` looks names up when it is called, for what an earlier instruction made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from isthmus.azure import contents, policies, pull_requests
from isthmus.azure.guards import APPROVAL, EXCLUSIVE_LOCK, EXTENDS, TASK
from isthmus.azure.present import BUILD_NAMESPACE, CHECKS, GIT_NAMESPACE, Present, translated
from isthmus.azure.resources import (
    CALLED,
    Check,
    Connection,
    Environment,
    Grant,
    Pipeline,
    Policy,
    Proposing,
    Repository,
    ResourceType,
)
from isthmus.errors import NotFound, Unavailable

# Read, contribute, make branches, contribute to pull requests.
PROPOSING_BITS = 2 | 4 | 16 | 16384
PROJECT_TIMEOUT = 120
# The branch on which new contents of the platform's own repository are proposed.
UPDATE = "isthmus/update"
UPDATE_TITLE = "Bring the platform to the version of Isthmus that provisions it"


class Instruction(Protocol):
    @property
    def summary(self) -> str:
        """One line: what changes."""

    def carry_out(self, present: Present) -> None: ...


@dataclass(frozen=True)
class CreateProject:
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
        operation = present.clients.get_core_client().queue_create_project(made)
        deadline = time.monotonic() + PROJECT_TIMEOUT
        operations = present.clients.get_operations_client()
        while operation.status in ("queued", "inProgress", "notSet"):
            operation = operations.get_operation(operation.id)
            if time.monotonic() > deadline:
                raise Unavailable(f"project {self.name} was not made within {PROJECT_TIMEOUT} s")
            if operation.status != "succeeded":
                time.sleep(1)


@dataclass(frozen=True)
class CreateRepository:
    name: str

    @property
    def summary(self) -> str:
        return f"+ repository {self.name}"

    def carry_out(self, present: Present) -> None:
        project = present.client.project
        present.clients.get_git_client().create_repository({"name": self.name}, project)


@dataclass(frozen=True)
class Push:
    repository: Repository
    folders: contents.Folders

    @property
    def summary(self) -> str:
        return f"> repository {self.repository.name}: push {self.folders.of(self.repository.content)} to main"

    def carry_out(self, present: Present) -> None:
        found = _there(present.repository(self.repository.name), "repository", self.repository.name)
        files = self.folders.files(self.repository.content)
        message = f"Fill {self.repository.name} from isthmus\n\n[skip ci]"
        contents.push(files, found.remote_url, present.client.token, message)


@dataclass(frozen=True)
class Propose:
    """Where main moves by pull request only, new contents come by one."""

    repository: Repository
    folders: contents.Folders

    @property
    def summary(self) -> str:
        folder = self.folders.of(self.repository.content)
        return f"> repository {self.repository.name}: propose {folder} by a pull request from {UPDATE}"

    def carry_out(self, present: Present) -> None:
        name, client = self.repository.name, present.client
        found = _there(present.repository(name), "repository", name)
        files = self.folders.files(self.repository.content)
        contents.push(files, found.remote_url, client.token, UPDATE_TITLE, UPDATE)
        pull_requests.ensure(client, name, UPDATE, UPDATE_TITLE)


@dataclass(frozen=True)
class CreatePipeline:
    pipeline: Pipeline

    @property
    def summary(self) -> str:
        return f"+ pipeline {self.pipeline.name}: {self.pipeline.repository}{self.pipeline.path}"

    def carry_out(self, present: Present) -> None:
        repository = _there(
            present.repository(self.pipeline.repository), "repository", self.pipeline.repository
        )
        # Microsoft's client loses path and repository of the configuration.
        present.client.post(
            "pipelines",
            {
                "name": self.pipeline.name,
                "folder": "\\",
                "configuration": {
                    "type": "yaml",
                    "path": self.pipeline.path,
                    "repository": {"id": repository.id, "type": "azureReposGit"},
                },
            },
        )


@dataclass(frozen=True)
class CreateEnvironment:
    environment: Environment

    @property
    def summary(self) -> str:
        return f"+ environment {self.environment.name}"

    def carry_out(self, present: Present) -> None:
        made = {"name": self.environment.name, "description": self.environment.description}
        present.clients.get_task_agent_client().add_environment(made, present.client.project)


@dataclass(frozen=True)
class PutConnection:
    """Make a service connection, or (with `id`) change where the one leads that is there."""

    connection: Connection
    tenant_id: str
    client_id: str
    id: str = ""

    @property
    def summary(self) -> str:
        sign, where = "~" if self.id else "+", f": {self.connection.url}" if self.connection.url else ""
        return f"{sign} service connection {self.connection.name}{where}"

    def carry_out(self, present: Present) -> None:
        reference = {
            "name": self.connection.name,
            "description": self.connection.description,
            "projectReference": {"id": present.project(), "name": present.client.project},
        }
        endpoint = {
            "name": self.connection.name,
            "description": self.connection.description,
            "isShared": False,
            "isReady": True,
            "serviceEndpointProjectReferences": [reference],
        } | (self._service() if self.connection.url else self._entra())
        client = present.clients.get_service_endpoint_client()
        if self.id:
            client.update_service_endpoint(endpoint, self.id)
        else:
            client.create_service_endpoint(endpoint)

    def _service(self) -> dict[str, Any]:
        """A URL, which nobody signs in to by the connection."""
        return {
            "type": "generic",
            "url": self.connection.url,
            "authorization": {
                "scheme": "UsernamePassword",
                "parameters": {"username": "", "password": ""},
            },
            "data": {},
        }

    def _entra(self) -> dict[str, Any]:
        return {
            "type": "azurerm",
            "url": "https://management.azure.com/",
            "authorization": {
                "scheme": "WorkloadIdentityFederation",
                "parameters": {"tenantid": self.tenant_id, "serviceprincipalid": self.client_id},
            },
            # The tenant itself: nothing of Azure is managed through it, so it has no subscription.
            "data": {
                "environment": "AzureCloud",
                "scopeLevel": "ManagementGroup",
                "managementGroupId": self.tenant_id,
                "managementGroupName": "Tenant Root Group",
                "creationMode": "Manual",
            },
        }


@dataclass(frozen=True)
class PutCheck:
    """Make a check, or (with `id`) change the one that is there."""

    check: Check
    id: int = 0

    @property
    def summary(self) -> str:
        sign = "~" if self.id else "+"
        return f"{sign} {self.check.label} on {CALLED[self.check.resource_type]} {self.check.resource}"

    def carry_out(self, present: Present) -> None:
        check = self.check
        key = _there(
            present.resource(check.resource_type, check.resource), check.resource_type, check.resource
        )
        body = {
            "type": {"id": check.type, "name": _TYPE_NAMES.get(check.type, "Approval")},
            "settings": settings(check, present),
            "resource": {"type": check.resource_type, "id": key, "name": check.resource},
            "timeout": check.timeout,
        }
        path = "pipelines/checks/configurations"
        if self.id:
            present.client.patch(f"{path}/{self.id}", body | {"id": self.id}, version=CHECKS)
        else:
            present.client.post(path, body, version=CHECKS)


_TYPE_NAMES = {
    EXCLUSIVE_LOCK: "ExclusiveLock",
    EXTENDS: "ExtendsCheck",
    TASK: "Task Check",
}


def settings(check: Check, present: Present) -> dict[str, Any]:
    """A check's settings, with the ids of its approvers."""
    if check.type != APPROVAL:
        return check.settings
    return check.settings | {"approvers": [{"id": present.identity(name)} for name in check.approvers]}


@dataclass(frozen=True)
class Authorize:
    """Let pipelines use a resource, or (`revoke`, by number) no longer."""

    resource_type: ResourceType
    resource: str
    pipelines: tuple[str, ...] = ()
    revoke: tuple[int, ...] = field(default=())

    @property
    def summary(self) -> str:
        where = f"{CALLED[self.resource_type]} {self.resource}"
        if self.revoke:
            numbers = ", ".join(map(str, self.revoke))
            return f"- {where}: no longer usable by pipeline {numbers}"
        return f"+ {where}: usable by {', '.join(self.pipelines)}"

    def carry_out(self, present: Present) -> None:
        key = _there(present.resource(self.resource_type, self.resource), self.resource_type, self.resource)
        numbers = [_there(present.pipeline(name), "pipeline", name) for name in self.pipelines]
        body = {
            "pipelines": [{"id": number, "authorized": True} for number in numbers]
            + [{"id": number, "authorized": False} for number in self.revoke]
        }
        present.clients.get_pipeline_permissions_client().update_pipeline_permisions_for_resource(
            body, present.client.project, self.resource_type, key
        )


@dataclass(frozen=True)
class PutPolicy:
    """Make a branch policy on main, or (with `id`) change the one that is there."""

    policy: Policy
    id: int = 0

    @property
    def summary(self) -> str:
        sign = "~" if self.id else "+"
        return f"{sign} branch policy on {self.policy.repository} main: {policies.asks(self.policy)}"

    def carry_out(self, present: Present) -> None:
        client, project = present.clients.get_policy_client(), present.client.project
        body = {
            "type": {"id": policies.type_of(self.policy)},
            "isEnabled": True,
            "isBlocking": True,
            "settings": policies.settings(self.policy, present),
        }
        if self.id:
            client.update_policy_configuration(body, project, self.id)
        else:
            client.create_policy_configuration(body, project)


@dataclass(frozen=True)
class GrantPipeline:
    """Let the bridge queue and see the runs of one pipeline, and write to them where `grant` says so."""

    grant: Grant

    @property
    def summary(self) -> str:
        return f"+ the bridge may queue {self.grant.pipeline}"

    def carry_out(self, present: Present) -> None:
        entry = {
            "descriptor": present.application(self.grant.client_id),
            "allow": self.grant.bits,
            "deny": 0,
            "extendedInfo": {},
        }
        number = _there(present.pipeline(self.grant.pipeline), "pipeline", self.grant.pipeline)
        body = {
            "token": f"{present.project()}/{number}",
            "merge": True,
            "accessControlEntries": [entry],
        }
        present.clients.get_security_client().set_access_control_entries(body, BUILD_NAMESPACE)


@dataclass(frozen=True)
class GrantProposing:
    """Let jobs push branches of a repository, and open and comment on pull requests."""

    proposing: Proposing

    @property
    def summary(self) -> str:
        return f"+ jobs may push branches and open pull requests in {self.proposing.repository}"

    def carry_out(self, present: Present) -> None:
        name = self.proposing.repository
        repository = _there(present.repository(name), "repository", name)
        entry = {
            "descriptor": present.build_service(),
            "allow": PROPOSING_BITS,
            "deny": 0,
            "extendedInfo": {},
        }
        body = {
            "token": f"repoV2/{present.project()}/{repository.id}",
            "merge": True,
            "accessControlEntries": [entry],
        }
        present.clients.get_security_client().set_access_control_entries(body, GIT_NAMESPACE)


def perform(instruction: Instruction, present: Present) -> None:
    """Carry one instruction out; what was known before it is known no longer."""
    with translated():
        instruction.carry_out(present)
    present.forget()


def _there(found: Any, kind: str, name: str) -> Any:
    if found is None:
        raise NotFound(
            f"there is no {CALLED.get(kind, kind)} {name!r} in the project", todo="run apply again"
        )
    return found
