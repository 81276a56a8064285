"""Executions of pipelines: started, watched step by step, stopped, and ended when the server was."""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass, field

from isthmus.executor import definition, parameters
from isthmus.executor.definition import Step
from isthmus.executor.execution import STEP_FAILURE, Execution, Outcome
from isthmus.executor.flow import StepState
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError, invalid
from isthmus.local.sagemaker import events, listing, pipelines
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import not_found
from isthmus.local.sagemaker.state import Space, State, now
from isthmus.local.sagemaker.steps import StepWorker

INTERRUPTED = "The local SageMaker was stopped while this was running."
_RUNNING = ("Executing", "Stopping", "Starting")
_LETTERS = string.ascii_lowercase + string.digits


@dataclass
class Runs:
    """The executions that run in this process, by ARN."""

    running: dict[str, Execution] = field(default_factory=dict)

    def stop_all(self) -> None:
        for execution in list(self.running.values()):
            execution.stop()


def start(call: Call) -> Record:
    return call.once(call.get("ClientRequestToken"), lambda: _start(call))


def _start(call: Call) -> Record:
    pipeline = pipelines.find(call, call["PipelineName"])
    if call.get("SelectiveExecutionConfig"):
        raise invalid("SelectiveExecutionConfig is not supported by the local SageMaker.")
    known = definition.read(pipeline["PipelineDefinition"])
    bound = parameters.bind(known.parameters, call.get("PipelineParameters") or [])
    role = call.here.cloud.assume(pipeline["RoleArn"], call.caller.region, "SageMaker")
    run_id = "".join(secrets.choice(_LETTERS) for _ in range(12))
    arn = f"{pipeline['PipelineArn']}/execution/{run_id}"
    record = {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionArn": arn,
        "PipelineExecutionDisplayName": f"execution-{round(now() * 1000)}",
        "PipelineExecutionStatus": "Executing",
        "PipelineExperimentConfig": {"ExperimentName": pipeline["PipelineName"], "TrialName": run_id},
        **{key: pipeline[key] for key in ("ParallelismConfiguration",) if key in pipeline},
        **call.given(
            "PipelineExecutionDisplayName", "PipelineExecutionDescription", "ParallelismConfiguration"
        ),
        **call.signed(),
        "_definition": pipeline["PipelineDefinition"],
        "_parameters": parameters.as_list(bound),
        "_steps": [],
    }
    call.space["executions"][arn] = record
    pipeline["LastRunTime"] = pipeline["LastExecutionTime"] = record["CreationTime"]
    watcher = _Watcher(call, record)
    worker = StepWorker(call.here, role, record, run_id)
    execution = Execution(
        known, bound, _variables(pipeline, record, run_id), worker, watcher, _parallel(record)
    )
    call.here.runs.running[arn] = execution
    events.execution_changed(call.here.cloud, call.space, record, None)
    threading.Thread(target=_run, args=(call, execution, record), name=run_id, daemon=True).start()
    return {"PipelineExecutionArn": arn}


def _variables(pipeline: Record, record: Record, run_id: str) -> dict[str, str]:
    return {
        "PipelineName": pipeline["PipelineName"],
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionId": run_id,
        "PipelineExecutionArn": record["PipelineExecutionArn"],
        "StartDateTime": events.iso(record["CreationTime"]),
    }


def _parallel(record: Record) -> int | None:
    limit: int | None = record.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps")
    return limit


def _run(call: Call, execution: Execution, record: Record) -> None:
    """The body of an execution's thread: from Executing to its verdict."""
    verdict = execution.run()
    reason = STEP_FAILURE if verdict == "Failed" else None
    with call.here.state.lock:
        if record["PipelineExecutionStatus"] in _RUNNING:
            previous = record["PipelineExecutionStatus"]
            record.update(PipelineExecutionStatus=verdict, FailureReason=reason, LastModifiedTime=now())
            events.execution_changed(call.here.cloud, call.space, record, previous)
        call.here.runs.running.pop(record["PipelineExecutionArn"], None)
    call.here.state.changed()


@dataclass
class _Watcher:
    """Writes what happens to steps into the execution's record, and says so on the event bus."""

    call: Call
    record: Record

    def started(self, step: Step, attempt: int) -> None:
        with self.call.here.state.lock:
            if attempt > 1:
                self._step(step)["AttemptCount"] = attempt
                return
            shown: Record = {
                "StepName": step.name,
                "StepDisplayName": step.display_name,
                "StepDescription": step.description,
                "StartTime": now(),
                "StepStatus": "Executing",
                "AttemptCount": 1,
                "Metadata": {},
                "_type": step.type,
            }
            self.record["_steps"].append(shown)
            events.step_changed(self.call.here.cloud, self.call.space, self.record, shown, "Starting")
        self.call.here.state.changed()

    def ended(self, step: Step, state: StepState, outcome: Outcome | None, reason: str | None) -> None:
        with self.call.here.state.lock:
            shown = self._step(step)
            if shown["StepStatus"] not in _RUNNING:
                return
            previous = shown["StepStatus"]
            shown.update(StepStatus=state, EndTime=now())
            if reason:
                shown["FailureReason"] = reason[:1024]
            if outcome:
                shown["Metadata"] = outcome.metadata or shown["Metadata"]
                if outcome.cache_hit:
                    shown["CacheHitResult"] = {"SourcePipelineExecutionArn": outcome.cache_hit}
            events.step_changed(self.call.here.cloud, self.call.space, self.record, shown, previous)
        self.call.here.state.changed()

    def _step(self, step: Step) -> Record:
        found: Record = next(one for one in self.record["_steps"] if one["StepName"] == step.name)
        return found


def find(call: Call) -> Record:
    arn: str = call["PipelineExecutionArn"]
    record = call.space["executions"].get(arn) or call.space["executions"].get(arn.lower())
    if record is None:
        raise not_found(f"Pipeline execution '{arn}' does not exist.")
    return record


def stop(call: Call) -> Record:
    record = find(call)
    arn = record["PipelineExecutionArn"]
    status = record["PipelineExecutionStatus"]
    execution = call.here.runs.running.get(arn)
    if execution is None or status != "Executing":
        raise ApiError("ConflictException", f"Pipeline execution with ARN {arn} is in status {status}.")
    record.update(
        PipelineExecutionStatus="Stopping",
        LastModifiedTime=now(),
        LastModifiedBy=call.caller.user_context(),
    )
    events.execution_changed(call.here.cloud, call.space, record, status)
    threading.Thread(target=execution.stop, daemon=True).start()
    return {"PipelineExecutionArn": arn}


def describe(call: Call) -> Record:
    return find(call)


def list_(call: Call) -> Record:
    pipeline = pipelines.find(call, call["PipelineName"])
    runs = [
        {
            **one,
            "StartTime": one["CreationTime"],
            "PipelineExecutionFailureReason": one.get("FailureReason"),
        }
        for one in call.space["executions"].values()
        if one["PipelineArn"] == pipeline["PipelineArn"]
    ]
    return listing.page(call, runs, "PipelineExecutionSummaries", status="PipelineExecutionStatus")


def list_steps(call: Call) -> Record:
    if "PipelineExecutionArn" not in call.params:
        raise invalid("PipelineExecutionArn must be given.")
    shown = [{**one, "CreationTime": one["StartTime"]} for one in find(call)["_steps"]]
    return listing.page(call, shown, "PipelineExecutionSteps")


def list_parameters(call: Call) -> Record:
    given = find(call)["_parameters"]
    return listing.page(call, given, "PipelineParameters", name="Name", sort="Name", order="Ascending")


def describe_definition(call: Call) -> Record:
    record = find(call)
    return {"PipelineDefinition": record["_definition"], "CreationTime": record["CreationTime"]}


def interrupted(state: State) -> list[tuple[Space, Record]]:
    """Mark what an earlier process left running as Stopped, and return those executions."""
    found = []
    for space in state.spaces():
        for record in space["executions"].values():
            if record["PipelineExecutionStatus"] not in _RUNNING:
                continue
            record.update(
                PipelineExecutionStatus="Stopped", FailureReason=INTERRUPTED, LastModifiedTime=now()
            )
            for step in record["_steps"]:
                if step["StepStatus"] in _RUNNING:
                    step.update(StepStatus="Stopped", FailureReason=INTERRUPTED, EndTime=now())
            found.append((space, record))
    return found


OPERATIONS: dict[str, Operation] = {
    "StartPipelineExecution": start,
    "StopPipelineExecution": stop,
    "DescribePipelineExecution": describe,
    "ListPipelineExecutions": list_,
    "ListPipelineExecutionSteps": list_steps,
    "ListPipelineParametersForExecution": list_parameters,
    "DescribePipelineDefinitionForExecution": describe_definition,
}
