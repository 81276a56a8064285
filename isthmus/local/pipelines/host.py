"""The seam between the pipeline engine and whoever hosts it: the Azure DevOps stand-in, or a terminal.

    compile_pipeline(path, sources, request)  -> plan.Plan      `isthmus.local.pipelines.compiler`
    execute(plan, context, host, work)        -> Result         `isthmus.local.pipelines.execution`

`Sources` is asked while YAML is compiled and nothing runs yet; `Host` while a run goes on. Jobs run in
threads, so every method of a `Host` may be called from several threads at once and must be thread-safe.
A method that cannot do what it is asked raises `isthmus.errors.Problem`: while compiling, the run is not
created; in a step, the step fails and its log shows the problem.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

State = Literal["pending", "inProgress", "completed"]
Result = Literal["succeeded", "succeededWithIssues", "failed", "canceled", "skipped"]
RecordType = Literal["Stage", "Phase", "Job", "Task"]


@dataclass(frozen=True)
class VariableValue:
    value: str
    secret: bool = False
    readonly: bool = False


@dataclass(frozen=True)
class Issue:
    """A warning or an error that a step (or the engine) reported."""

    type: Literal["error", "warning"]
    message: str


@dataclass(frozen=True)
class Record:
    """One line of a run's timeline, as it is now. Reported whole at each change; `id` identifies it.

    Stage -> Phase (a YAML job) -> Job (one instance of it; a matrix has several) -> Task (a step).
    `identifier` is the dotted reference name (`staging.deploy.__default`). All records of a run are
    reported as `pending` before anything runs.
    """

    id: str
    parent_id: str | None
    type: RecordType
    name: str
    ref_name: str
    identifier: str
    order: int
    state: State = "pending"
    result: Result | None = None
    start: datetime | None = None
    finish: datetime | None = None
    attempt: int = 1
    percent: int = 0
    issues: tuple[Issue, ...] = ()
    task: str | None = None
    environment: str | None = None
    """Of a Stage-level Phase that is a deployment job: the environment's name."""
    reason: str = ""
    """Why it was skipped."""
    outputs: Mapping[str, VariableValue] = field(default_factory=dict)
    """Of a Phase that has ended: the output variables of its jobs."""


@dataclass(frozen=True)
class Repository:
    """A repository as a pipeline names it: `self`, or an entry of `resources.repositories`.

    `name` is as written (`platform` or `project/platform`), empty for self; `ref` is a full ref
    (`refs/heads/main`), empty where the YAML does not say.
    """

    alias: str
    type: str = "git"
    name: str = ""
    ref: str = ""
    endpoint: str = ""


@dataclass(frozen=True)
class Located:
    """A repository resource pinned to a commit when the run was compiled."""

    repository: Repository
    id: str
    name: str
    """Without the project: what a multi-checkout folder is called."""
    ref: str
    commit: str
    url: str = ""
    project: str = ""


class Sources(Protocol):
    """What the compiler asks for."""

    def locate(self, repository: Repository) -> Located:
        """Pin a repository resource (alias `self` included) to a commit; `NotFound` with the nearest name."""

    def read(self, located: Located, path: str) -> str | None:
        """The text of a file (path from the repository's root, no leading slash), or None without it."""

    def variable_group(self, name: str) -> Mapping[str, VariableValue]:
        """The variables of a group; `NotFound` with the nearest name."""

    def counter(self, prefix: str, seed: int) -> int:
        """The next value of `counter(prefix, seed)`, persistent per pipeline; starts at `seed`."""


@dataclass(frozen=True)
class Request:
    """What a run was asked with: `templateParameters`, queue-time variables, and the predefined variables."""

    parameters: Mapping[str, object] = field(default_factory=dict)
    """By name; a string is converted to the parameter's type (YAML for objects), as the REST API does."""
    variables: Mapping[str, VariableValue] = field(default_factory=dict)
    predefined: Mapping[str, str] = field(default_factory=dict)
    """Build.*, System.*: see `variables.predefined`, which makes them from a `RunContext`."""


@dataclass(frozen=True)
class RunContext:
    """Who asked for the run, of what, and where: the source of Build.* and System.* variables."""

    build_id: int
    build_number: str
    definition_id: int
    definition_name: str
    organization_url: str
    project: str
    project_id: str
    source_branch: str
    source_version: str
    repository_id: str
    repository_name: str
    repository_url: str = ""
    source_message: str = ""
    reason: str = "Manual"
    """Manual, IndividualCI, PullRequest, ResourceTrigger, Schedule, ..."""
    requested_for: str = ""
    requested_for_email: str = ""
    requested_for_id: str = ""
    plan_id: str = ""
    """A GUID; the OIDC and `distributedtask` routes name it. Job ids are the Job records' ids."""
    pull_request_id: int | None = None
    pull_request_source_branch: str = ""
    pull_request_target_branch: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """All protected resources that a stage uses; asked once, before any of its jobs starts."""

    stage: str
    stage_record_id: str
    attempt: int
    """Of the stage."""
    environments: tuple[str, ...]
    connections: tuple[str, ...]
    variable_groups: tuple[str, ...]
    repositories: tuple[str, ...]
    """Aliases of repositories that the stage's jobs check out."""
    lock_behavior: Literal["sequential", "runLatest", ""] = ""
    extends: tuple[tuple[str, str, str, str], ...] = ()
    """Templates that the root file `extends`: (repository type, repository name, ref, path)."""


@dataclass(frozen=True)
class Decision:
    allowed: bool
    message: str = ""
    """Who or what decided; shown on the stage when refused."""
    canceled: bool = False
    """Superseded by a later run under `lockBehavior: runLatest`, or the run was cancelled while it waited."""


@dataclass(frozen=True)
class Connection:
    """A service connection: with workload identity federation, or a generic one, which is a URL."""

    id: str
    name: str
    client_id: str
    tenant_id: str
    subscription_id: str = ""
    url: str = ""


class Host(Protocol):
    """What a run needs from the world around it."""

    cancelled: threading.Event
    """Set when the run is to be cancelled: running steps are stopped, `always()` steps still run."""

    def cancelling(self, stage: str) -> threading.Event:
        """Set when that stage is to be cancelled, alone or with the run."""

    def record(self, record: Record) -> None:
        """A timeline record is new or has changed."""

    def log(self, record_id: str, lines: Sequence[str]) -> None:
        """Lines that a step wrote, secrets masked, in order; `##[group]` and the like left in."""

    def checkpoint(self, checkpoint: Checkpoint) -> Decision:
        """Block until every check of the stage's resources has passed, or one has not.

        Returns early, as cancelled, when `cancelled` is set. A resource that does not exist or does not
        admit this pipeline is a refusal, with the nearest name.
        """

    def validate(self, record: Record, instructions: str, deadline: float | None) -> Decision:
        """Block until somebody has said whether the run may go on (ManualValidation), or time is up.

        `deadline` is of `time.monotonic`. Returns early when `cancelled` is set.
        """

    def release(self, checkpoint: Checkpoint) -> None:
        """The stage has ended: its exclusive locks are free."""

    def environment(self, job: Path) -> Mapping[str, str]:
        """The whole environment of a step before variables are added (PATH, AWS_ENDPOINT_URL, ...).

        `job` is the folder of the step's job, whose Python no other job has.
        """

    def checkout(self, located: Located, folder: Path, *, depth: int, tags: bool) -> None:
        """Make `folder` a work tree of the repository at its commit; depth 0 fetches all of the history."""

    def access_token(self, job_id: str) -> str:
        """System.AccessToken of a job: opaque, masked in logs, good for the job's life."""

    def connection(self, name: str) -> Connection:
        """`NotFound` with the nearest name; `Refused` when this pipeline is not authorized for it."""

    def oidc_token(self, connection: Connection, job_id: str) -> str:
        """A fresh ID token of the service connection, for this job."""

    def agentless(self) -> AbstractContextManager[None]:
        """While the block lasts, an agentless job goes on, which holds no agent."""

    def completion(self, job_id: str, task_id: str) -> Future[Result] | None:
        """What a `TaskCompleted` event about the task will say; None where nobody could send one."""

    def upload_artifact(self, name: str, path: Path, record_id: str, *, merge: bool = False) -> None:
        """Keep the file or the tree at `path` as an artifact; `Refused` if the run has that name.

        With `merge` it adds to the artifact of that name, as build artifacts do.
        """

    def download_artifact(self, name: str, folder: Path) -> None:
        """Write the artifact's tree into `folder`; `NotFound` with the nearest name."""

    def artifacts(self) -> Sequence[str]:
        """The names of the run's artifacts so far."""

    def attach(self, record_id: str, type_: str, name: str, path: Path) -> None:
        """Keep a file with a timeline record; a summary is type `Distributedtask.Core.Summary` (Markdown)."""

    def publish_tests(self, record_id: str, title: str, files: Sequence[Path]) -> None:
        """Publish JUnit XML files as one test run of this build."""

    def tag(self, tag: str) -> None:
        """Add a build tag."""

    def build_number(self, number: str) -> None:
        """Rename the run."""

    def deployed(self, environment: str, record: Record) -> None:
        """A deployment job (its Phase record) began or ended on an environment."""
