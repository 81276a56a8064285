"""The steps of an execution on the server: each is the API call that it becomes, as the pipeline's role."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus.executor import caching
from isthmus.executor.checking import CALLS
from isthmus.executor.definition import Step
from isthmus.executor.execution import Outcome, StepFailure
from isthmus.executor.job import Control
from isthmus.executor.objects import StoreError, split_uri
from isthmus.executor.record import Record
from isthmus.executor.references import Unresolved
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import groups
from isthmus.local.sagemaker.call import Call
from isthmus.local.sagemaker.cloud import Caller
from isthmus.local.sagemaker.state import now

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker

_LETTERS = string.ascii_letters + string.digits
# Errors of the service that RetryPolicies have a name for.
_RETRIED = {
    "ThrottlingException": "Step.THROTTLING",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}


@dataclass
class StepWorker:
    """Carries out the steps of one execution, as `role`."""

    here: SageMaker
    role: Caller
    execution: Record
    run_id: str

    def run(self, step: Step, arguments: Record, control: Control) -> Outcome:
        if step.type in ("Processing", "Training", "Transform"):
            return self._job(step, arguments, control)
        call = CALLS[step.type]
        if step.type == "RegisterModel":
            self._group(arguments)
        elif call.name:
            arguments = {call.name: self._name(step, arguments.get(call.name)), **arguments}
        made = self._invoke(call.create, arguments)
        arn = made["ModelPackageArn" if step.type == "RegisterModel" else "ModelArn"]
        asked = (
            {"ModelPackageName": arn}
            if step.type == "RegisterModel"
            else {"ModelName": arguments["ModelName"]}
        )
        return Outcome(self._invoke(call.describe, asked), {step.type: {"Arn": arn}})

    def read_json(self, uri: str) -> Any:
        try:
            return json.loads(self.here.cloud.objects(self.role).read(*split_uri(uri)))
        except (StoreError, ValueError) as error:
            raise Unresolved(f"{uri} cannot be read as JSON: {error}") from None

    def _job(self, step: Step, arguments: Record, control: Control) -> Outcome:
        key = caching.key(step.type, arguments)
        if hit := self._cached(step, key):
            return hit
        call = CALLS[step.type]
        member = call.name or ""
        asked = arguments | {member: self._name(step, arguments.get(member))}
        made = self._invoke(call.create, asked, control)
        metadata = {f"{step.type}Job": {"Arn": made[f"{step.type}JobArn"]}}
        self._show(step, metadata)
        self.here.jobs.wait(made[f"{step.type}JobArn"])
        described = self._describe_job(step.type, asked[member])
        status = described[f"{step.type}JobStatus"]
        if status != "Completed":
            reason = described.get("FailureReason") or f"{step.type} job was stopped."
            error = "SageMaker.JOB_INTERNAL_ERROR" if reason.startswith("InternalServerError") else ""
            stopped = status == "Stopped" and control.reason == "Stopped"
            raise StepFailure(reason, error=error, metadata=metadata, stopped=stopped)
        self._remember(step, key, asked[member])
        return Outcome(described, metadata)

    def _invoke(self, operation: str, params: Record, control: Control | None = None) -> Record:
        try:
            return self.here.invoke(operation, params, self.role, control)
        except ApiError as error:
            raise StepFailure(
                f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {error.message}",
                error=_RETRIED.get(error.code, "Step.SERVICE_FAULT" if error.status >= 500 else ""),
            ) from None

    def _describe_job(self, kind: str, name: str) -> Record:
        # The service looks at its own job: the pipeline's role needs no right to describe it.
        record = self.here.state.space(self.role.account, self.role.region)[f"{kind.lower()}-job"]
        return dict(record[name.lower()])

    def _group(self, arguments: Record) -> None:
        """A RegisterModel step makes its group where there is none."""
        name = arguments.get("ModelPackageGroupName")
        if not name:
            return
        try:
            with self.here.state.lock:
                groups.find(Call(self.role, {}, self.here), name)
        except ApiError:
            self._invoke("CreateModelPackageGroup", {"ModelPackageGroupName": name})

    def _name(self, step: Step, prefix: str | None) -> str:
        """A name for what the step makes, as SageMaker gives it: unique, and with the step's name in it."""
        suffix = "".join(secrets.choice(_LETTERS) for _ in range(10))
        if prefix:
            return f"{prefix[:52]}-{suffix}"
        return f"pipelines-{self.run_id}-{step.name[: 63 - 34]}-{suffix}"

    def _show(self, step: Step, metadata: Record) -> None:
        """The step's Metadata is seen while it still runs."""
        with self.here.state.lock:
            for shown in self.execution["_steps"]:
                if shown["StepName"] == step.name:
                    shown["Metadata"] = metadata

    # ---- caching: by pipeline, step name and signature; only of runs that succeeded

    def _cache(self) -> dict[str, Record]:
        space = self.here.state.space(self.role.account, self.role.region)
        name = self.execution["PipelineArn"].rpartition("/")[2]
        cache: dict[str, Record] = space["pipelines"].get(name, {}).setdefault("_cache", {})
        return cache

    def _cached(self, step: Step, key: str | None) -> Outcome | None:
        if key is None or not step.cache.get("Enabled"):
            return None
        with self.here.state.lock:
            entry = self._cache().get(f"{step.name}/{key}")
            if entry is None or now() - entry["at"] > caching.seconds(step.cache.get("ExpireAfter")):
                return None
            described = self._describe_job(step.type, entry["job"])
        arn = described[f"{step.type}JobArn"]
        return Outcome(described, {f"{step.type}Job": {"Arn": arn}}, entry["execution"])

    def _remember(self, step: Step, key: str | None, job: str) -> None:
        entry = {"job": job, "execution": self.execution["PipelineExecutionArn"], "at": now()}
        with self.here.state.lock:
            self._cache()[f"{step.name}/{key}"] = entry
