"""What follows from an event. Pure: no clock, no network, no state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.events import RECONCILER, AlarmState, DataSet, PackageState


@dataclass(frozen=True)
class Run:
    """One run of a pipeline. `key` is the same for every copy of the event that asks for it."""

    pipeline: str
    key: str
    key_parameter: str
    parameters: dict[str, str]

    @property
    def moment(self) -> str:
        """When it came to what the run is about, as the key says: ISO text of one length, in UTC."""
        return self.key.partition("#")[2]


@dataclass(frozen=True)
class Nothing:
    """Nothing is to be done, and why; `hop` is what the log calls it."""

    reason: str
    hop: str = "ignored"


Decision = Run | Nothing


def decide(event: PackageState | AlarmState | DataSet) -> Decision:
    """The one run that the event asks for, or why it asks for none."""
    if isinstance(event, PackageState):
        return _package(event)
    return _data_set(event) if isinstance(event, DataSet) else _alarm(event)


def _package(event: PackageState) -> Decision:
    if event.approval != "approved":
        return Nothing(f"approval status is {event.approval}")
    if event.approval_changed is None:
        return Nothing(
            "registered as approved, and approved by nobody: a person must approve it", hop="noticed"
        )
    # Editing an approved package's metadata sends Approved again, and deploying writes metadata.
    if event.approval_changed is False:
        return Nothing("metadata changed, not the approval")
    if event.status not in ("", "completed"):
        return Nothing(f"the model package is {event.status}; another event tells when it is complete")
    return deployment(event.model, event.arn, event.at, event.id)


def deployment(model: str, arn: str, approved: str, correlation_id: str) -> Run:
    """The run that deploys the version that was approved at that moment.

    A package's time of modification alone would be no key, for every edit of its metadata moves it. But in an
    event whose `UpdatedModelPackageFields` name the approval it is the moment of the approval: the same in
    every copy, and another one when the version is approved again after a rejection.
    """
    key = f"{arn}#{approved}"
    return Run(
        pipeline=f"{model}-deploy",
        key=key,
        key_parameter="approvalKey",
        parameters={"modelPackageArn": arn, "approvalKey": key, "correlationId": correlation_id},
    )


def _alarm(event: AlarmState) -> Decision:
    if event.state != "alarm" or event.previous == "alarm":
        return Nothing(f"the alarm went from {event.previous or 'nothing'} to {event.state}")
    if event.kind == "drift":
        return Nothing("inputs drifted: shown to people; only a loss of quality retrains", hop="noticed")
    key = f"{event.arn}#{event.at}"
    return Run(
        pipeline=f"{event.model}-build",
        key=key,
        key_parameter="triggerKey",
        parameters={"reason": "retrain", "triggerKey": key, "correlationId": event.id},
    )


def _data_set(event: DataSet) -> Decision:
    """The run that trains with the data set; what lands again unchanged is no event."""
    data_set = f"{event.name}@{event.version}"
    key = f"{event.model}/{data_set}#{event.at}"
    return Run(
        pipeline=f"{event.model}-build",
        key=key,
        key_parameter="triggerKey",
        parameters={"reason": "data", "triggerKey": key, "correlationId": event.id, "dataSet": data_set},
    )


def covers(parameters: Mapping[str, str], wanted: Run) -> bool:
    """Whether a run with these parameters already does what is wanted.

    It carries the same key. Or the reconciler queued it, which saw the version approved at a moment that is
    not before the wanted one: it knows the last modification, so the approval or an edit that came after it.
    What the reconciler itself wants, any run of the version covers.
    """
    key = parameters.get(wanted.key_parameter, "")
    if key == wanted.key:
        return True
    if key.partition("#")[0] != wanted.key.partition("#")[0]:
        return False
    if wanted.parameters["correlationId"].startswith(RECONCILER):
        return True
    return (
        parameters.get("correlationId", "").startswith(RECONCILER) and key.partition("#")[2] >= wanted.moment
    )
