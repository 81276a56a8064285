"""The whole of the local SageMaker: its state, what runs in it, and the one way in to its operations."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isthmus.executor import sandbox, shapes
from isthmus.executor.job import Control, clear
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import (
    apps,
    authorization,
    capacities,
    component_updates,
    components,
    domains,
    endpoints,
    events,
    feature_groups,
    groups,
    jobs,
    lifecycle_configs,
    mlflow,
    models,
    monitoring,
    packages,
    pipelines,
    runs,
    studio_sessions,
    studio_spaces,
    tags,
    updates,
    user_profiles,
)
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.cloud import Caller, Cloud
from isthmus.local.sagemaker.hosts import Host, Hosts
from isthmus.local.sagemaker.state import Space, State

OPERATIONS: dict[str, Operation] = {
    **groups.OPERATIONS,
    **packages.OPERATIONS,
    **pipelines.OPERATIONS,
    **runs.OPERATIONS,
    **jobs.OPERATIONS,
    **models.OPERATIONS,
    **endpoints.OPERATIONS,
    **components.OPERATIONS,
    **component_updates.OPERATIONS,
    **updates.OPERATIONS,
    **capacities.OPERATIONS,
    **tags.OPERATIONS,
    **domains.OPERATIONS,
    **user_profiles.OPERATIONS,
    **studio_spaces.OPERATIONS,
    **apps.OPERATIONS,
    **studio_sessions.OPERATIONS,
    **lifecycle_configs.OPERATIONS,
    **feature_groups.OPERATIONS,
    **mlflow.OPERATIONS,
    **monitoring.OPERATIONS,
}
CREATE_JOBS: dict[str, Callable[[Call, Control | None], Record]] = {
    "CreateProcessingJob": jobs.create_processing,
    "CreateTrainingJob": jobs.create_training,
    "CreateTransformJob": jobs.create_transform,
}
# What must be fetched before an operation, outside of the lock: fetching may come back to this server.
PREPARED: dict[str, Callable[[Call], Call]] = {
    "CreatePipeline": pipelines.with_definition,
    "UpdatePipeline": pipelines.with_definition,
}


@dataclass
class SageMaker:
    """`folder` holds what jobs and endpoints have on disk; all of their programs get `environment`.

    A minute of a rollout lasts `minute` seconds.
    """

    cloud: Cloud
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    isolation: sandbox.Kind | None = None
    minute: float = 60.0
    state: State = field(default_factory=State)
    jobs: jobs.Jobs = field(default_factory=jobs.Jobs)
    runs: runs.Runs = field(default_factory=runs.Runs)
    hosts: Hosts = field(default_factory=Hosts)

    def invoke(
        self, operation: str, params: Record, caller: Caller, control: Control | None = None
    ) -> Record:
        """Make one call of the API; raises `ApiError`. `control` can stop the job that the call creates."""
        shapes.check(operation, params)
        call = Call(caller, params, self)
        with self.state.lock:
            authorization.require(self, caller, operation, params)
        if operation in PREPARED:
            call = PREPARED[operation](call)
        with self.state.lock:
            answer = shapes.trim(operation, self._carry_out(operation, call, control))
        if not operation.startswith(("Describe", "List", "Get")):
            self.state.changed()
        return answer

    def _carry_out(self, operation: str, call: Call, control: Control | None) -> Record:
        if operation in CREATE_JOBS:
            return CREATE_JOBS[operation](call, control)
        if operation not in OPERATIONS:
            raise ApiError(
                "UnknownOperationException", f"The local SageMaker does not have the operation {operation}."
            )
        return OPERATIONS[operation](call)

    def job_folder(self, name: str) -> Path:
        """A fresh folder for a job or a server."""
        folder = self.folder / f"{name.rsplit('/', 1)[-1][:40]}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        return folder

    def resume(self) -> None:
        """After a restart: end what was in flight, and bring the endpoints back."""
        clear(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.state.lock:
            jobs.interrupted(self.state)
            ended = runs.interrupted(self.state)
            returning = [
                (call, record, host)
                for call in map(self.as_owner, self.state.spaces())
                for record, host in endpoints.returning(call)
            ]
            parts = [
                one for call in map(self.as_owner, self.state.spaces()) for one in components.returning(call)
            ]
        threading.Thread(target=self._bring_back, args=(ended, returning, parts), daemon=True).start()

    def _bring_back(
        self,
        ended: list[tuple[Space, Record]],
        returning: list[tuple[Call, Record, Host]],
        parts: list[components.Component],
    ) -> None:
        self.cloud.await_answering()
        for space, record in ended:
            events.execution_changed(self.cloud, space, record, "Executing")
        for call, record, host in returning:
            endpoints.bring_up(call, record, host)
        for part in parts:
            part.bring_up()

    def as_owner(self, space: Space, params: Record | None = None) -> Call:
        """A call that the account itself makes."""
        owner = Caller(space.account, space.region, f"arn:aws:iam::{space.account}:root", "")
        return Call(owner, params or {}, self)

    def shut_down(self) -> None:
        """Stop everything that runs, within a few seconds."""
        self.runs.stop_all()
        self.jobs.stop_all()
        self.hosts.stop_all()
