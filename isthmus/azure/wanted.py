"""What a platform needs in Azure DevOps, computed from platform.yaml alone: nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from isthmus import names
from isthmus.config import STAGES, Model, Platform

T = TypeVar("T")
MAIN = "refs/heads/main"
APPROVAL = "8c6f20a7-a545-4486-9777-f762fafe0d4d"
EXCLUSIVE_LOCK = "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563"
EXTENDS = "4020e66e-b0f3-47e1-bc88-48f3cc59b5f3"
TASK = "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7"
BRANCH_CONTROL = "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b"
THIRTY_DAYS = 43200
RESOURCES = {"environment": "environment", "endpoint": "service connection", "repository": "repository"}
"""What people call the types of resources."""
Content = Literal["platform", "model-build", "model-deploy"]
ResourceType = Literal["environment", "endpoint", "repository"]


@dataclass(frozen=True)
class Repository:
    """`content` says with what it is filled; `ours` is kept up to date, a team's is filled only once."""

    name: str
    content: Content
    ours: bool = False


@dataclass(frozen=True)
class Pipeline:
    name: str
    repository: str
    path: str


@dataclass(frozen=True)
class Environment:
    name: str
    description: str


@dataclass(frozen=True)
class Connection:
    """A service connection with workload identity federation: it holds no secret."""

    name: str
    description: str


@dataclass(frozen=True)
class Check:
    """A check on a resource, both by name. `approvers` are names of people or groups."""

    resource_type: ResourceType
    resource: str
    type: str
    label: str
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    approvers: tuple[str, ...] = ()
    timeout: int = THIRTY_DAYS


@dataclass(frozen=True)
class Authorization:
    """The pipelines that may use a resource; `only` means that no other may."""

    resource_type: ResourceType
    resource: str
    pipelines: tuple[str, ...]
    only: bool = False


@dataclass(frozen=True)
class BuildValidation:
    """Main moves by pull request only, and only once this pipeline has passed."""

    repository: str
    pipeline: str


@dataclass(frozen=True)
class Grant:
    """What the bridge may do: queue and see the runs of this pipeline."""

    client_id: str
    pipeline: str


@dataclass(frozen=True)
class Wanted:
    project: str
    repositories: tuple[Repository, ...]
    pipelines: tuple[Pipeline, ...]
    environments: tuple[Environment, ...]
    connections: tuple[Connection, ...]
    checks: tuple[Check, ...]
    authorizations: tuple[Authorization, ...]
    validations: tuple[BuildValidation, ...]
    grants: tuple[Grant, ...]


def wanted(platform: Platform) -> Wanted:
    """All of it, each thing once, in an order in which it can be made."""
    return Wanted(
        project=platform.azure.project,
        repositories=_once(_repositories(platform)),
        pipelines=_once(_pipelines(platform)),
        environments=tuple(_environment(stage) for stage in STAGES),
        connections=_once(_connections(platform)),
        checks=tuple(_checks(platform)),
        authorizations=tuple(_authorizations(platform)),
        validations=_once(
            BuildValidation(model.build_repository, names.pull_request_pipeline(model.name))
            for model in platform.models
        ),
        grants=_once(_grants(platform)),
    )


def _once(found: Iterator[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(found))


def _repositories(platform: Platform) -> Iterator[Repository]:
    yield Repository(names.PLATFORM_REPOSITORY, "platform", ours=True)
    for model in platform.models:
        yield Repository(model.build_repository, "model-build")
        yield Repository(model.deploy_repository, "model-deploy")


def _pipelines(platform: Platform) -> Iterator[Pipeline]:
    for model in platform.models:
        build, deploy = model.build_repository, model.deploy_repository
        yield Pipeline(names.build_pipeline(model.name), build, "/azure-pipelines.yml")
        yield Pipeline(names.pull_request_pipeline(model.name), build, "/azure-pipelines.pull-request.yml")
        yield Pipeline(names.deploy_pipeline(model.name), deploy, "/azure-pipelines.yml")


def _environment(stage: str) -> Environment:
    return Environment(stage, f"The AWS account for {stage}: deployed to by the deploy pipelines only.")


def _connections(platform: Platform) -> Iterator[Connection]:
    for model in platform.models:
        about = f"{model.name}: enters AWS as"
        automation, accounts = platform.accounts.automation, platform.accounts
        build, synth = names.build_role(platform, model.name), names.synth_role(platform, model.name)
        yield Connection(names.build_connection(platform, model.name), f"{about} {build} in {automation}")
        yield Connection(names.synth_connection(platform, model.name), f"{about} {synth} in {automation}")
        for stage in STAGES:
            role = names.deploy_role(platform, model.name)
            account = accounts.prod if stage == "prod" else accounts.staging
            yield Connection(
                names.deploy_connection(platform, model.name, stage), f"{about} {role} in {account}"
            )


def _checks(platform: Platform) -> Iterator[Check]:
    """The same guards on environments and connections: neither can be borrowed without the other."""
    for stage in STAGES:
        yield from _guards(platform, "environment", stage, "model-deploy.yml")
        yield Check("environment", stage, EXCLUSIVE_LOCK, "exclusive lock")
        if stage == "prod":
            yield _approval(platform, "environment", stage)
    for model in platform.models:
        for connection, template in _guarded(platform, model):
            yield from _guards(platform, "endpoint", connection, template)
        yield _approval(platform, "endpoint", names.deploy_connection(platform, model.name, "prod"))


def _guarded(platform: Platform, model: Model) -> Iterator[tuple[str, str]]:
    yield names.build_connection(platform, model.name), "model-build.yml"
    yield names.synth_connection(platform, model.name), "model-deploy.yml"
    for stage in STAGES:
        yield names.deploy_connection(platform, model.name, stage), "model-deploy.yml"


def _guards(platform: Platform, type_: ResourceType, resource: str, template: str) -> Iterator[Check]:
    yield Check(
        type_,
        resource,
        TASK,
        "branch control",
        {
            "displayName": "Branch control",
            "definitionRef": {
                "id": BRANCH_CONTROL,
                "name": "evaluatebranchProtection",
                "version": "0.0.1",
            },
            "inputs": {
                "allowedBranches": MAIN,
                "ensureProtectionOfBranch": "false",
                "allowUnknownStatusBranch": "false",
            },
            "retryInterval": 5,
        },
    )
    yield Check(
        type_,
        resource,
        EXTENDS,
        "required template",
        {
            "extendsChecks": [
                {
                    "repositoryType": "git",
                    "repositoryName": f"{platform.azure.project}/{names.PLATFORM_REPOSITORY}",
                    "repositoryRef": MAIN,
                    "templatePath": f"azure-pipelines/{template}",
                }
            ]
        },
    )


def _approval(platform: Platform, type_: ResourceType, resource: str) -> Check:
    return Check(
        type_,
        resource,
        APPROVAL,
        "approval",
        {
            "executionOrder": "anyOrder",
            "minRequiredApprovers": 1,
            "requesterCannotBeApprover": True,
            "instructions": f"{RESOURCES[type_]} {resource}: has the version passed its gates in staging? "
            "See the run's tests and summary.",
            "blockedApprovers": [],
        },
        tuple(platform.azure.approvers),
    )


def _authorizations(platform: Platform) -> Iterator[Authorization]:
    every, deploys = [], []
    for model in platform.models:
        build, deploy = names.build_pipeline(model.name), names.deploy_pipeline(model.name)
        every += [build, names.pull_request_pipeline(model.name), deploy]
        deploys.append(deploy)
        owned = {
            names.build_connection(platform, model.name): build,
            names.synth_connection(platform, model.name): deploy,
        } | {names.deploy_connection(platform, model.name, stage): deploy for stage in STAGES}
        for connection, pipeline in owned.items():
            yield Authorization("endpoint", connection, (pipeline,), only=True)
    for stage in STAGES:
        yield Authorization("environment", stage, tuple(deploys))
    yield Authorization("repository", names.PLATFORM_REPOSITORY, tuple(every))


def _grants(platform: Platform) -> Iterator[Grant]:
    for model in platform.models:
        yield Grant(platform.azure.bridge_client_id, names.deploy_pipeline(model.name))
        yield Grant(platform.azure.bridge_client_id, names.build_pipeline(model.name))
