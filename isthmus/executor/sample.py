"""Runs a pipeline definition with no server and no credential: a folder stands for S3.

The same scripts run under the same `/opt/ml` contract as in the cloud; a registration is written down
instead of made.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.executor import checking, definition, parameters, processing, shapes, training
from isthmus.executor.definition import Step
from isthmus.executor.execution import Execution, Outcome, StepFailure
from isthmus.executor.flow import StepState
from isthmus.executor.job import Control, Ending, Place, clear, guarded, isolated
from isthmus.executor.objects import FolderStore, StoreError, split_uri
from isthmus.executor.record import Record
from isthmus.executor.references import Unresolved
from isthmus.executor.sandbox import Kind

# Nothing of these reaches a cloud; they only have to look as ARNs look.
ACCOUNT, REGION = "000000000000", "local-sample-1"


@dataclass
class StepResult:
    """One step that ran; `log` is what its program printed."""

    name: str
    type: str
    status: str
    seconds: float = 0.0
    reason: str | None = None
    outcome: str | None = None
    log: list[str] = field(default_factory=list)


@dataclass
class SampleResult:
    """`status` is Succeeded or Failed; `registered` holds the arguments of each RegisterModel step."""

    status: str
    steps: list[StepResult]
    registered: list[Record]


def run_definition(
    document: Record,
    given: Mapping[str, str],
    inputs: Mapping[str, Path],
    folder: Path,
    *,
    isolation: Kind | None = None,
) -> SampleResult:
    """Run a pipeline definition with `folder` as the object store (bucket and key become its paths).

    Parameters
    ----------
    document : the definition, as `json.load` gives it.
    given : values of pipeline parameters, by name; the others take their defaults.
    inputs : local folders or files that stand under S3 URI prefixes.

    Raises `refusals.ApiError` where CreatePipeline would refuse the definition, or the parameters do not fit.
    """
    pipeline = definition.from_document(document)
    checking.check(pipeline)
    bound = parameters.bind(
        pipeline.parameters, [{"Name": name, "Value": value} for name, value in given.items()]
    )
    with tempfile.TemporaryDirectory(prefix="isthmus-sample-") as scratch:
        worker = _Worker(FolderStore(folder, inputs), Path(scratch), isolation)
        verdict = Execution(pipeline, bound, _variables(), worker, worker).run()
    return SampleResult(verdict, list(worker.results.values()), worker.registered)


def _variables() -> dict[str, str]:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/sample"
    return {
        "PipelineName": "sample",
        "PipelineArn": arn,
        "PipelineExecutionId": "sample",
        "PipelineExecutionArn": f"{arn}/execution/sample",
        "StartDateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


@dataclass
class _Worker:
    """Runs jobs with the folder as S3, and keeps what happened."""

    objects: FolderStore
    scratch: Path
    isolation: Kind | None
    results: dict[str, StepResult] = field(default_factory=dict)
    registered: list[Record] = field(default_factory=list)

    def run(self, step: Step, arguments: Record, control: Control) -> Outcome:
        if step.type == "RegisterModel":
            self.registered.append(arguments)
            arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/sample/{len(self.registered)}"
            return Outcome({**arguments, "ModelPackageArn": arn}, {"RegisterModel": {"Arn": arn}})
        if step.type == "Model":
            return Outcome({**arguments, "ModelName": step.name})
        if step.type == "Transform":
            raise StepFailure("a sample has no model that serves: a Transform step runs in SageMaker only")
        return self._job(step, arguments, control)

    def read_json(self, uri: str) -> Any:
        try:
            return json.loads(self.objects.read(*split_uri(uri)))
        except (StoreError, ValueError) as error:
            raise Unresolved(f"{uri} cannot be read as JSON: {error}") from None

    def started(self, step: Step, attempt: int) -> None:
        self.results[step.name] = StepResult(step.name, step.type, "Executing", -time.monotonic())

    def ended(self, step: Step, state: StepState, outcome: Outcome | None, reason: str | None) -> None:
        result = self.results[step.name]
        result.status, result.reason = state, reason
        result.seconds = round(result.seconds + time.monotonic(), 3)
        if outcome and step.type == "Condition":
            result.outcome = outcome.described.get("Outcome")

    def _job(self, step: Step, arguments: Record, control: Control) -> Outcome:
        room = training if step.type == "Training" else processing
        name = f"{step.type}JobName"
        job = {name: step.name, **arguments}
        shapes.check(f"Create{step.type}Job", job)
        folder = self.scratch / step.name
        log = self.results[step.name].log.extend
        place = Place(self.objects, folder, {}, log, self.isolation, isolated(job))
        ending: Ending = guarded(lambda: room.run(job, place, control))
        clear(folder)
        if ending.status != "Completed":
            raise StepFailure(ending.failure_reason or "stopped", stopped=ending.status == "Stopped")
        described = job | (
            {"ModelArtifacts": {"S3ModelArtifacts": ending.artifacts}} if ending.artifacts else {}
        )
        return Outcome(described)
