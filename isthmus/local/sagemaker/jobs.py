"""Processing, training and transform jobs of the API: created, run on threads, described, stopped."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from isthmus.executor import processing, training
from isthmus.executor.job import HOST, Control, Ending, JobFailure, Place, clear, guarded, isolated
from isthmus.executor.objects import StoreError
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError, invalid
from isthmus.local.sagemaker import disks, events, listing, networking, tags, transforms
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.cloud import Caller
from isthmus.local.sagemaker.refusals import in_use, limit, not_found
from isthmus.local.sagemaker.state import Space, State, now

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker

INTERRUPTED = "The local SageMaker was stopped while this was running."


class Kind(NamedTuple):
    """What differs between the kinds of jobs."""

    noun: str
    table: str
    run: Callable[[Record, Place, Control], Ending]
    resources: tuple[str, ...]
    stopping: str

    @property
    def name(self) -> str:
        return f"{self.noun}JobName"

    @property
    def arn(self) -> str:
        return f"{self.noun}JobArn"

    @property
    def status(self) -> str:
        return f"{self.noun}JobStatus"

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/{self.noun}Jobs"


PROCESSING = Kind(
    "Processing", "processing-job", processing.run, ("ProcessingResources", "ClusterConfig"), "Stopping"
)
TRAINING = Kind("Training", "training-job", training.run, ("ResourceConfig",), "Stopping")
# What runs one is of the SageMaker that it runs in.
TRANSFORM = Kind("Transform", "transform-job", training.run, ("TransformResources",), "Stopping")


@dataclass
class Jobs:
    """The jobs that run in this process, by ARN."""

    controls: dict[str, Control] = field(default_factory=dict)
    ended: dict[str, threading.Event] = field(default_factory=dict)

    def wait(self, arn: str) -> None:
        """Return when the job has ended."""
        event = self.ended.get(arn)
        if event is not None:
            event.wait()

    def stop_all(self) -> None:
        for control in list(self.controls.values()):
            control.stop()


def create_processing(call: Call, control: Control | None = None) -> Record:
    for entry in call.get("ProcessingInputs") or []:
        if "S3Input" not in entry:
            raise invalid(f"Processing input '{entry['InputName']}' is no S3Input: only those run here.")
        _only_prefixes(entry["S3Input"].get("S3DataType"), entry["InputName"])
    return _create(call, PROCESSING, control or Control(), {})


def create_training(call: Call, control: Control | None = None) -> Record:
    if "AlgorithmSpecification" not in call.params or "TrainingImage" not in call["AlgorithmSpecification"]:
        raise invalid("AlgorithmSpecification.TrainingImage must be given.")
    for channel in call.get("InputDataConfig") or []:
        source = channel["DataSource"].get("S3DataSource")
        if source is None:
            raise invalid(f"Channel '{channel['ChannelName']}' is no S3DataSource: only those run here.")
        _only_prefixes(source["S3DataType"], channel["ChannelName"])
        if channel.get("InputMode", call["AlgorithmSpecification"]["TrainingInputMode"]) == "Pipe":
            raise invalid(
                f"Channel '{channel['ChannelName']}' has InputMode Pipe: File and FastFile run here."
            )
    moment = now()
    extra = {
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [
            {
                "Status": "Starting",
                "StartTime": moment,
                "StatusMessage": "Preparing the instances for training",
            }
        ],
        "ModelArtifacts": {},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
    }
    return _create(call, TRAINING, control or Control(), extra)


def create_transform(call: Call, control: Control | None = None) -> Record:
    kind = TRANSFORM._replace(run=transforms.runner(call.here))
    return _create(call, kind, control or Control(), {"_plan": transforms.plan(call)})


def _only_prefixes(kind: str | None, name: str) -> None:
    if kind not in (None, "S3Prefix"):
        raise invalid(f"Input '{name}' has S3DataType {kind}: only S3Prefix runs here.")


def _create(call: Call, kind: Kind, control: Control, extra: Record) -> Record:
    name: str = call[kind.name]
    table = call.space[kind.table]
    if name.lower() in table:
        raise in_use(
            f"{kind.noun} job names must be unique within an AWS account and region, and a "
            f"{kind.noun.lower()} job with this name already exists ({call.space.arn(kind.table, name)})"
        )
    _one_instance(call, kind)
    # A transform job acts as its model, whose role was passed when that was made.
    if "_plan" not in extra:
        call.pass_role(call["RoleArn"])
    acting = extra["_plan"]["Role"] if "_plan" in extra else call["RoleArn"]
    role = call.here.cloud.assume(acting, call.caller.region, "SageMaker")
    networking.require(call, role, networking.vpc_of(call.params))
    disks.require(call, call.caller if "_plan" in extra else role, _machine(call, kind))
    arn = call.space.arn(kind.table, name)
    record = {
        **extra,
        **copy.deepcopy(call.params),
        **call.signed(),
        kind.arn: arn,
        kind.status: "InProgress",
    }
    record.pop("Tags", None)
    table[name.lower()] = record
    tags.put(call.space, arn, call.get("Tags"))
    call.here.jobs.controls[arn] = control
    call.here.jobs.ended[arn] = threading.Event()
    events.job_changed(call.here.cloud, call.space, kind.noun, record)
    runner = _Runner(call.here, call.space, kind, record, role, control)
    threading.Thread(target=runner.run, name=name, daemon=True).start()
    return {kind.arn: arn}


def _machine(call: Call, kind: Kind) -> Record:
    resources = call.params
    for part in kind.resources:
        resources = resources.get(part, {})
    return resources


def _one_instance(call: Call, kind: Kind) -> None:
    resources = _machine(call, kind)
    count = resources.get("InstanceCount", 1)
    if count > 1:
        raise limit(
            f"The account-level service limit '{resources.get('InstanceType')} for {kind.noun.lower()} job "
            f"usage' is 1 Instances, with current utilization of 0 Instances and a request delta of {count} "
            "Instances: the local SageMaker has one machine."
        )


@dataclass
class _Runner:
    """The body of a job's thread."""

    here: SageMaker
    space: Space
    kind: Kind
    record: Record
    role: Caller
    control: Control
    lines: list[str] = field(default_factory=list)

    def run(self) -> None:
        self.stream = f"{self.record[self.kind.name]}/{HOST}-{int(now())}"
        folder = self.here.job_folder(self.record[self.kind.arn])
        ending = guarded(lambda: self._body(folder))
        clear(folder)
        with self.here.state.lock:
            self._end(ending)
            self.here.jobs.controls.pop(self.record[self.kind.arn], None)
        self.here.jobs.ended.pop(self.record[self.kind.arn]).set()
        self.here.state.changed()

    def _body(self, folder: Path) -> Ending:
        offline = isolated(self.record)
        place = Place(
            self.here.cloud.objects(self.role),
            folder,
            networking.environment(self.here.environment, self.role, offline),
            self._log,
            self.here.isolation,
            offline,
        )
        self._require_image()
        self._begin()
        return self.kind.run(self.record, place, self.control)

    def _require_image(self) -> None:
        image = self.record.get("AppSpecification", {}).get("ImageUri")
        image = image or self.record.get("AlgorithmSpecification", {}).get("TrainingImage")
        if image is None:
            return
        try:
            self.here.cloud.require_image(self.role, image)
        except StoreError as error:
            raise JobFailure(f"ClientError: {error}") from None

    def _begin(self) -> None:
        with self.here.state.lock:
            self.record[f"{self.kind.noun}StartTime"] = now()
            if self.kind.noun == "Training":
                _transition(
                    self.record, "Training", "Training image download completed. Training in progress."
                )

    def _log(self, lines: list[str]) -> None:
        if self.record.get("AlgorithmSpecification", {}).get("MetricDefinitions"):
            self.lines += lines
        self.here.cloud.log(self.role, self.kind.log_group, self.stream, lines)

    def _end(self, ending: Ending) -> None:
        if self.record[self.kind.status] not in ("InProgress", "Stopping"):
            return
        moment = now()
        changed = {
            self.kind.status: ending.status,
            f"{self.kind.noun}EndTime": moment,
            "LastModifiedTime": moment,
            "FailureReason": ending.failure_reason,
            "ExitMessage": ending.exit_message,
        }
        self.record.update({key: value for key, value in changed.items() if value is not None})
        if self.kind.noun == "Training":
            self._end_training(ending, moment)
        events.job_changed(self.here.cloud, self.space, self.kind.noun, self.record)

    def _end_training(self, ending: Ending, moment: float) -> None:
        record = self.record
        begun = record.get("TrainingStartTime", moment)
        record["TrainingTimeInSeconds"] = record["BillableTimeInSeconds"] = max(1, round(moment - begun))
        if ending.artifacts:
            record["ModelArtifacts"] = {"S3ModelArtifacts": ending.artifacts}
        over = ending.failure_reason and ending.status == "Stopped"
        _transition(record, "MaxRuntimeExceeded" if over else ending.status, ending.failure_reason or "")
        definitions = record["AlgorithmSpecification"].get("MetricDefinitions", [])
        values = training.metrics(definitions, self.lines)
        record["FinalMetricDataList"] = [
            {"MetricName": name, "Value": value, "Timestamp": moment} for name, value in values.items()
        ]


def _transition(record: Record, status: str, message: str) -> None:
    moment = now()
    record["SecondaryStatusTransitions"][-1]["EndTime"] = moment
    entry = {"Status": status, "StartTime": moment, "StatusMessage": message}
    if status not in ("Training", "Starting"):
        entry["EndTime"] = moment
    record["SecondaryStatusTransitions"].append(entry)
    record["SecondaryStatus"] = status


def _find(call: Call, kind: Kind) -> Record:
    record = call.space[kind.table].get(call[kind.name].lower())
    if record is None:
        raise not_found("Requested resource not found.")
    return record


def _describe(kind: Kind) -> Operation:
    return lambda call: _find(call, kind)


def _list(kind: Kind) -> Operation:
    def list_(call: Call) -> Record:
        records = call.space[kind.table].values()
        answer = f"{kind.noun}JobSummaries"
        return listing.page(call, records, answer, name=kind.name, status=kind.status, order="Ascending")

    return list_


def _stop(kind: Kind) -> Operation:
    def stop(call: Call) -> Record:
        record = _find(call, kind)
        control = call.here.jobs.controls.get(record[kind.arn])
        if control is None or record[kind.status] != "InProgress":
            raise ApiError(
                "ValidationException",
                f"The request was rejected because the {kind.noun.lower()} job is in status "
                f"{record[kind.status]}.",
            )
        record.update({kind.status: "Stopping", "LastModifiedTime": now()})
        events.job_changed(call.here.cloud, call.space, kind.noun, record)
        control.stop()
        return {}

    return stop


def interrupted(state: State) -> None:
    """Mark what an earlier process left running as Stopped."""
    for space in state.spaces():
        for kind in (PROCESSING, TRAINING, TRANSFORM):
            for record in space[kind.table].values():
                if record[kind.status] in ("InProgress", "Stopping"):
                    record.update(
                        {kind.status: "Stopped", "FailureReason": INTERRUPTED, "LastModifiedTime": now()}
                    )
                    if kind is TRAINING:
                        _transition(record, "Stopped", INTERRUPTED)


OPERATIONS: dict[str, Operation] = {
    "DescribeProcessingJob": _describe(PROCESSING),
    "ListProcessingJobs": _list(PROCESSING),
    "StopProcessingJob": _stop(PROCESSING),
    "DescribeTrainingJob": _describe(TRAINING),
    "ListTrainingJobs": _list(TRAINING),
    "StopTrainingJob": _stop(TRAINING),
    "DescribeTransformJob": _describe(TRANSFORM),
    "ListTransformJobs": _list(TRANSFORM),
    "StopTransformJob": _stop(TRANSFORM),
}
