"""What follows from an event. Pure: no clock, no network, no state."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.events import AlarmState, Event, PackageState
from bridge.settings import Settings


@dataclass(frozen=True)
class Run:
    """One run of a pipeline. `key` is the same for every copy of the event that asks for it.

    `also` are keys under which the same work may have been queued already.
    """

    pipeline: str
    key: str
    key_parameter: str
    parameters: dict[str, str]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Nothing:
    """Nothing is to be done, and why."""

    reason: str


Decision = Run | Nothing


def decide(event: Event, told: Settings) -> Decision:
    """The one run that the event asks for, or why it asks for none."""
    return _package(event) if isinstance(event, PackageState) else _alarm(event, told)


def _package(event: PackageState) -> Decision:
    if event.approval != "approved":
        return Nothing(f"approval status is {event.approval}")
    # Editing an approved package's metadata sends Approved again, and deploying writes metadata.
    if event.approval_changed is False:
        return Nothing("metadata changed, not the approval")
    # Copies of one approval carry the same time of modification; a later approval of the same version, after
    # a rejection, carries another. An event that does not say what changed counts once per version.
    moment = event.modified if event.approval_changed else "unspecified"
    return deployment(event.model, event.arn, moment, event.id)


def deployment(model: str, arn: str, moment: str, correlation_id: str) -> Run:
    """The run that deploys a version, approved at `moment`."""
    key = f"{arn}#{moment}"
    return Run(
        pipeline=f"{model}-deploy",
        key=key,
        key_parameter="approvalKey",
        parameters={"modelPackageArn": arn, "approvalKey": key, "correlationId": correlation_id},
        # The reconciler may have come first, for an event that it took for lost.
        also=(f"{arn}#reconciled",),
    )


def _alarm(event: AlarmState, _told: Settings) -> Decision:
    if event.state != "alarm" or event.previous == "alarm":
        return Nothing(f"the alarm went from {event.previous or 'nothing'} to {event.state}")
    if event.kind == "drift":
        return Nothing("inputs drifted: shown to people; only a loss of quality retrains")
    key = f"{event.arn}#{event.at}"
    return Run(
        pipeline=f"{event.model}-build",
        key=key,
        key_parameter="triggerKey",
        parameters={"reason": "retrain", "triggerKey": key, "correlationId": event.id},
    )
