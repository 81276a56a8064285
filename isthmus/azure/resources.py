"""What Azure DevOps is made of, as far as Isthmus provisions it: plain shapes, each thing by its name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

MAIN = "refs/heads/main"
THIRTY_DAYS = 43200
Content = Literal["platform", "model-build", "model-deploy"]
ResourceType = Literal["environment", "endpoint", "repository", "variablegroup"]
Kind = Literal["repository", "pipeline", "environment", "connection", "variablegroup", "policy"]
CALLED = {
    "environment": "environment",
    "endpoint": "service connection",
    "repository": "repository",
    "variablegroup": "variable group",
}
"""What people call the types of resources."""
GUARDED: dict[Kind, ResourceType] = {
    "connection": "endpoint",
    "environment": "environment",
    "variablegroup": "variablegroup",
}
"""What has checks, and is used by the pipelines that it is let to."""


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
    """A service connection that holds no secret: with workload identity federation, or a mere URL."""

    name: str
    description: str
    client_id: str = ""
    """The Entra application that jobs sign in to by it."""
    url: str = ""


@dataclass(frozen=True)
class VariableGroup:
    """Values of the project's library; none is a secret."""

    name: str
    description: str
    values: tuple[tuple[str, str], ...]


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
class MinimumReviewers:
    """Main moves by pull request only, once somebody agrees who neither opened nor last changed it."""

    repository: str


@dataclass(frozen=True)
class RequiredReviewers:
    """One of these people or groups is among those who agree, whoever else does."""

    repository: str
    people: tuple[str, ...]


@dataclass(frozen=True)
class FileReviewers:
    """Where a pull request changes this file, one of these people or groups is among those who agree."""

    repository: str
    people: tuple[str, ...]
    file: str


Policy: TypeAlias = BuildValidation | MinimumReviewers | RequiredReviewers | FileReviewers


@dataclass(frozen=True)
class Grant:
    """What the bridge may do with this pipeline, by bits of the namespace Build, and in words."""

    client_id: str
    pipeline: str
    bits: int
    what: str = "queue"


@dataclass(frozen=True)
class PipelineDenial:
    """What no contributor may do with this pipeline, by bits of the namespace Build."""

    pipeline: str
    bits: int


@dataclass(frozen=True)
class JobRight:
    """What jobs may do in this repository, or with this pipeline, by bits of its namespace, and in words.

    `folder` is one of the repository's branches, where it is of those alone; `denied` they are denied.
    """

    kind: Literal["repository", "pipeline"]
    name: str
    bits: int
    what: str
    denied: int = 0
    folder: str = ""


@dataclass(frozen=True)
class Denial:
    """Who may not bypass the branch policies of a repository: a group, or (empty) jobs."""

    repository: str
    group: str

    @property
    def whom(self) -> str:
        return self.group.rpartition("\\")[2] or "jobs"


@dataclass(frozen=True)
class Setting:
    """A switch of all the project's pipelines that must be on, by its name in the API, and what for."""

    name: str
    what: str


@dataclass(frozen=True)
class Wanted:
    project: str
    settings: tuple[Setting, ...]
    retention_days: int | None
    repositories: tuple[Repository, ...]
    pipelines: tuple[Pipeline, ...]
    environments: tuple[Environment, ...]
    connections: tuple[Connection, ...]
    variable_groups: tuple[VariableGroup, ...]
    checks: tuple[Check, ...]
    authorizations: tuple[Authorization, ...]
    policies: tuple[Policy, ...]
    grants: tuple[Grant, ...]
    pipeline_denials: tuple[PipelineDenial, ...]
    job_rights: tuple[JobRight, ...]
    denials: tuple[Denial, ...]
