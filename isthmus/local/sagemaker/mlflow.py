"""MLflow apps and tracking servers: that they are there, for whom, and where they keep artifacts.

No MLflow answers here; what a person may do with one is IAM's matter (`sagemaker-mlflow:*`), on their ARNs.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable
from typing import NamedTuple

from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import listing, tags
from isthmus.local.sagemaker.arns import parse
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import conflict, not_found
from isthmus.local.sagemaker.state import now


class Kind(NamedTuple):
    """What differs between an app, which is named by its ARN, and a server, which is named by its name."""

    noun: str
    table: str
    name: str
    arn: str
    identifier: str
    status: str
    version: str
    summaries: str


APP = Kind("MlflowApp", "mlflow-app", "Name", "Arn", "Arn", "Status", "3.4.0", "Summaries")
SERVER = Kind(
    "MlflowTrackingServer",
    "mlflow-tracking-server",
    "TrackingServerName",
    "TrackingServerArn",
    "TrackingServerName",
    "TrackingServerStatus",
    "3.0",
    "TrackingServerSummaries",
)


def _create(kind: Kind) -> Operation:
    def create(call: Call) -> Record:
        name: str = call[kind.name]
        if any(one[kind.name].lower() == name.lower() for one in call.space[kind.table].values()):
            raise conflict(f"{kind.noun} {name} already exists.")
        call.pass_role(call["RoleArn"])
        key = name.lower() if kind is SERVER else f"app-{secrets.token_hex(6)}"
        arn = call.space.arn(kind.table, key)
        given = {name: value for name, value in call.params.items() if name != "Tags"}
        call.space[kind.table][key] = {
            "MlflowVersion": kind.version,
            **({"TrackingServerSize": "Small", "IsActive": "Active"} if kind is SERVER else {}),
            **copy.deepcopy(given),
            kind.arn: arn,
            kind.status: "Created",
            **call.signed(),
        }
        tags.put(call.space, arn, call.get("Tags"))
        return {kind.arn: arn}

    return create


def _find(call: Call, kind: Kind) -> Record:
    given: str = call[kind.identifier]
    arn = parse(given)
    record = call.space[kind.table].get((arn.name if arn else given).lower())
    if record is None:
        raise not_found(f"{kind.noun} {given} does not exist.")
    return record


def _describe(kind: Kind) -> Operation:
    return lambda call: _find(call, kind)


def _list(kind: Kind) -> Operation:
    def list_(call: Call) -> Record:
        records = call.space[kind.table].values()
        return listing.page(call, records, kind.summaries, name=kind.name, status=kind.status)

    return list_


def _update(kind: Kind) -> Operation:
    def update(call: Call) -> Record:
        record = _find(call, kind)
        changed = {name: value for name, value in call.params.items() if name != kind.identifier}
        record.update(copy.deepcopy(changed) | {kind.status: "Updated", "LastModifiedTime": now()})
        return {kind.arn: record[kind.arn]}

    return update


def _delete(kind: Kind) -> Operation:
    def delete(call: Call) -> Record:
        arn: str = _find(call, kind)[kind.arn]
        del call.space[kind.table][arn.rsplit("/", 1)[-1]]
        tags.drop(call.space, arn)
        return {kind.arn: arn}

    return delete


def _switch(active: bool) -> Operation:
    """Start or stop a tracking server: a stopped one costs nothing by the hour."""

    def switch(call: Call) -> Record:
        record = _find(call, SERVER)
        if (record["IsActive"] == "Active") == active:
            raise ApiError("ConflictException", f"The tracking server is already {record['IsActive']}.")
        status = {"IsActive": "Active", "TrackingServerStatus": "Started"}
        stopped = {"IsActive": "Inactive", "TrackingServerStatus": "Stopped"}
        record.update((status if active else stopped) | {"LastModifiedTime": now()})
        return {"TrackingServerArn": record["TrackingServerArn"]}

    return switch


_VERBS: dict[str, Callable[[Kind], Operation]] = {
    "Create": _create,
    "Describe": _describe,
    "Update": _update,
    "Delete": _delete,
}
OPERATIONS: dict[str, Operation] = {
    **{f"{verb}{kind.noun}": make(kind) for kind in (APP, SERVER) for verb, make in _VERBS.items()},
    **{f"List{kind.noun}s": _list(kind) for kind in (APP, SERVER)},
    "StartMlflowTrackingServer": _switch(True),
    "StopMlflowTrackingServer": _switch(False),
}
