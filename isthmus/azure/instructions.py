"""The small changes that bring Azure DevOps to what is wanted; each can be printed, and carried out once.

`carry_out` looks names up when it is called, for what an earlier instruction made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from isthmus.azure import contents
from isthmus.azure.present import BUILD_NAMESPACE, CHECKS, Present, translated
from isthmus.azure.wanted import (
    APPROVAL,
    MAIN,
    BuildValidation,
    Check,
    Connection,
    Environment,
    Pipeline,
    Repository,
    ResourceType,
)
from isthmus.errors import NotFound, Unavailable

BUILD_POLICY = "0609b952-1397-4640-95ec-e00a01b2c241"
# View builds, add tags, queue builds, view the pipeline.
BRIDGE_BITS = 1 | 2 | 128 | 1024
PROJECT_TIMEOUT = 120


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
class CreateConnection:
    connection: Connection
    tenant_id: str
    client_id: str

    @property
    def summary(self) -> str:
        return f"+ service connection {self.connection.name}"

    def carry_out(self, present: Present) -> None:
        reference = {
            "name": self.connection.name,
            "description": self.connection.description,
            "projectReference": {"id": present.project(), "name": present.client.project},
        }
        endpoint = {
            "name": self.connection.name,
            "description": self.connection.description,
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
            "isShared": False,
            "isReady": True,
            "serviceEndpointProjectReferences": [reference],
        }
        present.clients.get_service_endpoint_client().create_service_endpoint(endpoint)


@dataclass(frozen=True)
class PutCheck:
    """Make a check, or (with `id`) change the one that is there."""

    check: Check
    id: int = 0

    @property
    def summary(self) -> str:
        sign = "~" if self.id else "+"
        return f"{sign} {self.check.label} on {_called(self.check.resource_type)} {self.check.resource}"

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
    "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563": "ExclusiveLock",
    "4020e66e-b0f3-47e1-bc88-48f3cc59b5f3": "ExtendsCheck",
    "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7": "Task Check",
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
        where = f"{_called(self.resource_type)} {self.resource}"
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
class PutBuildValidation:
    """Protect main by a pipeline, or (with `id`) change the policy that is there."""

    validation: BuildValidation
    id: int = 0

    @property
    def summary(self) -> str:
        sign = "~" if self.id else "+"
        return f"{sign} branch policy on {self.validation.repository} main: {self.validation.pipeline} passes"

    def carry_out(self, present: Present) -> None:
        policies, project = present.clients.get_policy_client(), present.client.project
        body = {
            "type": {"id": BUILD_POLICY},
            "isEnabled": True,
            "isBlocking": True,
            "settings": policy_settings(self.validation, present),
        }
        if self.id:
            policies.update_policy_configuration(body, project, self.id)
        else:
            policies.create_policy_configuration(body, project)


def policy_settings(validation: BuildValidation, present: Present) -> dict[str, Any]:
    repository = _there(present.repository(validation.repository), "repository", validation.repository)
    return {
        "buildDefinitionId": _there(present.pipeline(validation.pipeline), "pipeline", validation.pipeline),
        "displayName": validation.pipeline,
        "queueOnSourceUpdateOnly": True,
        "manualQueueOnly": False,
        "validDuration": 0,
        "scope": [{"repositoryId": repository.id, "refName": MAIN, "matchKind": "Exact"}],
    }


@dataclass(frozen=True)
class GrantPipeline:
    """Let the bridge queue and see the runs of one pipeline."""

    client_id: str
    pipeline: str

    @property
    def summary(self) -> str:
        return f"+ the bridge may queue {self.pipeline}"

    def carry_out(self, present: Present) -> None:
        entry = {
            "descriptor": present.application(self.client_id),
            "allow": BRIDGE_BITS,
            "deny": 0,
            "extendedInfo": {},
        }
        number = _there(present.pipeline(self.pipeline), "pipeline", self.pipeline)
        body = {
            "token": f"{present.project()}/{number}",
            "merge": True,
            "accessControlEntries": [entry],
        }
        present.clients.get_security_client().set_access_control_entries(body, BUILD_NAMESPACE)


def perform(instruction: Instruction, present: Present) -> None:
    """Carry one instruction out; what was known before it is known no longer."""
    with translated():
        instruction.carry_out(present)
    present.forget()


def _called(type_: str) -> str:
    return "service connection" if type_ == "endpoint" else type_


def _there(found: Any, kind: str, name: str) -> Any:
    if found is None:
        raise NotFound(f"there is no {_called(kind)} {name!r} in the project", todo="run apply again")
    return found
