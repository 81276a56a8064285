"""EventBridge events as the bridge understands them; whatever is not exactly one of them is refused.

Tolerant where AWS varies (times as text or numbers, the case of a status), strict about where an event comes
from and what it is about. Contract: "Events that Amazon SageMaker AI sends to Amazon EventBridge".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.settings import Settings

PACKAGE_STATE = "SageMaker Model Package State Change"
ALARM_STATE = "CloudWatch Alarm State Change"
EXECUTION_STATE = "SageMaker Model Building Pipeline Execution Status Change"
STEP_STATE = "SageMaker Model Building Pipeline Execution Step Status Change"
# What the HTTPS route tells: a job waits for an execution, which may have ended by now.
CALLBACK, JOB_WAITING = "isthmus.callback", "Job Waiting"
LANDING, DATA_SET = "isthmus.landing", "Data Set Complete"
# Epoch times in events are milliseconds; in seconds they would lie below this until the year 5138.
MILLISECONDS = 100_000_000_000
# The statuses of an execution that goes on no more.
ENDED = ("Succeeded", "Failed", "Stopped")
# What an alarm watches: the last word of its name.
KINDS = ("quality", "drift")

RECONCILER = "reconciler-"
"""What the correlation id of a run begins with that no event asked for."""


class Refused(Exception):
    """This event is not one that the bridge may act on: it goes to the dead letters, never to a run."""


@dataclass(frozen=True)
class PackageState:
    """A model package was created or changed, at the moment `at`.

    `approval_changed` is None where the event does not say what changed: the package is new.
    """

    id: str
    model: str
    arn: str
    status: str
    approval: str
    approval_changed: bool | None
    at: str


@dataclass(frozen=True)
class AlarmState:
    """An alarm about a model changed its state; `kind` is what follows the model in its name."""

    id: str
    model: str
    kind: str
    arn: str
    state: str
    previous: str
    at: str


@dataclass(frozen=True)
class DataSet:
    """A data set that landed is complete: `version` is a hash of it, `at` when its last file came."""

    id: str
    model: str
    name: str
    version: str
    at: str


@dataclass(frozen=True)
class ExecutionState:
    """Something happened to an execution of a SageMaker pipeline; `ended` where that is known."""

    id: str
    model: str
    arn: str
    ended: bool


Event = PackageState | AlarmState | DataSet | ExecutionState


def parse(envelope: Any, told: Settings) -> Event:
    """The event in an EventBridge envelope; raises `Refused` with the reason."""
    if not isinstance(envelope, dict) or not isinstance(envelope.get("detail"), dict):
        raise Refused("not an EventBridge event")
    kind, source = envelope.get("detail-type"), envelope.get("source")
    identity = _text(envelope, "id", 100)
    if identity.startswith(RECONCILER):
        raise Refused("an event that calls itself as the reconciler does")
    if envelope.get("region") != told.region:
        raise Refused("an event of another region")
    if (source, kind) == ("aws.sagemaker", PACKAGE_STATE):
        return _package(identity, envelope, envelope["detail"], told)
    if (source, kind) == ("aws.cloudwatch", ALARM_STATE):
        return _alarm(identity, envelope, envelope["detail"], told)
    if (source, kind) == (LANDING, DATA_SET):
        return _data_set(identity, envelope, envelope["detail"], told)
    if (source, kind) in (
        ("aws.sagemaker", EXECUTION_STATE),
        ("aws.sagemaker", STEP_STATE),
        (CALLBACK, JOB_WAITING),
    ):
        return _execution(identity, envelope, envelope["detail"], told)
    raise Refused("an event of another kind")


def _package(identity: str, envelope: dict[str, Any], detail: dict[str, Any], told: Settings) -> PackageState:
    if envelope.get("account") != told.automation_account:
        raise Refused("a model package event of another account than automation")
    model, arn = _text(detail, "ModelPackageGroupName", 63), _text(detail, "ModelPackageArn", 2048)
    # SageMaker writes ARNs in lower case.
    prefix = f"arn:aws:sagemaker:{told.region}:{told.automation_account}:model-package/{model.lower()}/"
    version = arn.removeprefix(prefix)
    if not arn.startswith(prefix) or not re.fullmatch(r"[1-9][0-9]{0,8}", version):
        raise Refused("the model package ARN is not one of its group in this account")
    updated = detail.get("UpdatedModelPackageFields")
    if updated is not None and not isinstance(updated, list):
        raise Refused("UpdatedModelPackageFields is not a list")
    _of_this(arn, envelope)
    return PackageState(
        id=identity,
        model=model,
        arn=arn,
        status=_word(_text(detail, "ModelPackageStatus", 40)) if "ModelPackageStatus" in detail else "",
        approval=_word(_text(detail, "ModelApprovalStatus", 40)),
        approval_changed=None if updated is None else "ModelApprovalStatus" in updated,
        at=moment(detail.get("CreationTime" if updated is None else "LastModifiedTime")),
    )


def _execution(
    identity: str, envelope: dict[str, Any], detail: dict[str, Any], told: Settings
) -> ExecutionState:
    if envelope.get("account") != told.automation_account:
        raise Refused("an execution of another account than automation")
    arn = _text(detail, "pipelineExecutionArn", 2048)
    prefix = f"arn:aws:sagemaker:{told.region}:{told.automation_account}:pipeline/"
    found = re.fullmatch(rf"{re.escape(prefix)}([A-Za-z0-9-]+)/execution/[A-Za-z0-9]+", arn)
    if not found:
        raise Refused("the execution's ARN is not one of this account")
    _of_this(arn, envelope)
    status = detail.get("currentPipelineExecutionStatus", "")
    return ExecutionState(identity, found[1], arn, ended=status in ENDED)


def _of_this(arn: str, envelope: dict[str, Any]) -> None:
    """The resources of an event, where it names any, are what its detail is about."""
    named = envelope.get("resources") or [arn]
    if not isinstance(named, list) or arn not in named:
        raise Refused("the event's resources are others than its detail's")


def _alarm(identity: str, envelope: dict[str, Any], detail: dict[str, Any], told: Settings) -> AlarmState:
    account, name = envelope.get("account"), _text(detail, "alarmName", 255)
    if account != told.prod_account:
        raise Refused("an alarm of another account than prod")
    model, _, kind = name.removeprefix(f"{told.platform}-").rpartition("-")
    if not name.startswith(f"{told.platform}-") or not model or kind not in KINDS:
        raise Refused("an alarm that is not about a model of the platform")
    state, previous = detail.get("state"), detail.get("previousState", {})
    if not isinstance(state, dict) or not isinstance(previous, dict):
        raise Refused("an alarm event without its states")
    arn = f"arn:aws:cloudwatch:{told.region}:{account}:alarm:{name}"
    _of_this(arn, envelope)
    return AlarmState(
        id=identity,
        model=model,
        kind=kind,
        arn=arn,
        state=_word(_text(state, "value", 40)),
        previous=_word(_text(previous, "value", 40)) if "value" in previous else "",
        at=moment(state.get("timestamp")),
    )


def _data_set(identity: str, envelope: dict[str, Any], detail: dict[str, Any], told: Settings) -> DataSet:
    if envelope.get("account") != told.automation_account:
        raise Refused("a data set of another account than automation")
    name, version = _text(detail, "dataSet", 100), _text(detail, "version", 16)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=-]*", name) or not re.fullmatch(r"[0-9a-f]{16}", version):
        raise Refused("a data set whose name or version is none")
    return DataSet(identity, _text(detail, "model", 63), name, version, moment(detail.get("landed")))


def _text(where: dict[str, Any], key: str, longest: int) -> str:
    value = where.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise Refused(f"{key} is missing, too long, or not plain text")
    return value


def _word(status: str) -> str:
    """A status without regard to case and underscores: IN_SERVICE and InService are one."""
    return status.replace("_", "").lower()


def moment(value: Any) -> str:
    """A time as ISO text in UTC to the millisecond, from ISO text or an epoch in seconds or milliseconds."""
    try:
        return iso(_epoch(value) if isinstance(value, int | float) else _written(value))
    except (ValueError, TypeError, OverflowError, OSError):
        raise Refused("a time that is missing or cannot be read") from None


def iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _written(text: str) -> datetime:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return _epoch(float(text))
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _epoch(value: float) -> datetime:
    if isinstance(value, bool):
        raise ValueError("a truth value is no time")
    seconds = value / 1000 if value > MILLISECONDS else value
    return datetime.fromtimestamp(seconds, UTC)
