"""EMR Serverless, which ministack lacks: applications are kept, started and stopped; no Spark runs in them.

Requests and answers are those of botocore's model; whoever calls is asked for the action on the application,
under the tags of request and resource. `AWS::EMRServerless::Application` makes the same calls.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services.cloudformation import provisioners

from isthmus.executor.refusals import ApiError
from isthmus.local.aws import rest_json

Record = dict[str, Any]
SERVICE, TYPE = "emr-serverless", "AWS::EMRServerless::Application"
IDLE_MINUTES = 15
_applications: Any = AccountRegionScopedDict()


def install() -> None:
    rest_json.register(SERVICE, __name__)
    handlers = {"create": _type_create, "update": _type_update, "delete": _type_delete}
    provisioners._RESOURCE_HANDLERS[TYPE] = handlers
    provisioners._REPLACING_PROPERTIES[TYPE] = ("Name", "Type")


def get_state() -> Record:
    return {"applications": _applications}


def load_persisted_state(data: Record) -> None:
    _applications.update(data.get("applications", {}))


def reset() -> None:
    _applications.clear()


def invoke(operation: str, params: Record, access_key: str) -> Record:
    """Make one call of the API; raises `ApiError`."""
    rest_json.check(SERVICE, operation, params)
    _authorize(operation, params, access_key)
    if operation not in OPERATIONS:
        raise ApiError("ValidationException", f"The local EMR Serverless runs nothing: no {operation} here.")
    return OPERATIONS[operation](params)


handle_request = rest_json.handler(SERVICE, invoke)


def _authorize(operation: str, params: Record, access_key: str) -> None:
    """Raise AccessDeniedException unless the caller may make this call."""
    arn = params.get("resourceArn") or _arn(params.get("applicationId", ""))
    for member, kind in (("jobRunId", "jobruns"), ("sessionId", "sessions")):
        arn += f"/{kind}/{params[member]}" if member in params else ""
    known = _applications.get(params.get("applicationId", arn.rsplit("/", 1)[-1]), {})
    tags = {"RequestTag": params.get("tags", {}), "ResourceTag": known.get("tags", {})}
    keys = {f"aws:{noun}/{key}": value for noun, given in tags.items() for key, value in given.items()}
    rest_json.require(access_key, f"{SERVICE}:{operation}", arn, keys)
    if role := params.get("executionRoleArn"):
        passed = {"iam:PassedToService": "emr-serverless.amazonaws.com"}
        rest_json.require(access_key, "iam:PassRole", role, passed)


def _arn(application: str) -> str:
    return f"arn:aws:{SERVICE}:{get_region()}:{get_account_id()}:/applications/{application}"


# ---------------------------------------------------------------- applications


def create(params: Record) -> Record:
    id_ = f"00{secrets.token_hex(7)}"
    given = {key: value for key, value in params.items() if key != "clientToken"}
    moment = round(time.time(), 3)
    _applications[id_] = {
        "autoStartConfiguration": {"enabled": True},
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": IDLE_MINUTES},
        "architecture": "X86_64",
        **given,
        "applicationId": id_,
        "arn": _arn(id_),
        "state": "CREATED",
        "createdAt": moment,
        "updatedAt": moment,
    }
    return {key: _applications[id_].get(key) for key in ("applicationId", "name", "arn")}


def find(params: Record) -> Record:
    """The application that the request names, stopped if it was idle for long enough."""
    id_ = params.get("applicationId") or params["resourceArn"].rsplit("/", 1)[-1]
    record: Record | None = _applications.get(id_)
    if record is None:
        raise ApiError("ResourceNotFoundException", f"Application {id_} does not exist", 404)
    stop = record["autoStopConfiguration"]
    if stop.get("enabled", True) and record["state"] == "STARTED":
        idle = time.time() - record["updatedAt"]
        if idle > 60 * stop.get("idleTimeoutMinutes", IDLE_MINUTES):
            record["state"] = "STOPPED"
    return record


def get(params: Record) -> Record:
    return {"application": find(params)}


def list_(_params: Record) -> Record:
    summaries = [find(record) for record in list(_applications.values())]
    return {"applications": [{**one, "id": one["applicationId"]} for one in summaries]}


def update(params: Record) -> Record:
    record = find(params)
    record.update({key: value for key, value in params.items() if key != "clientToken"})
    record["updatedAt"] = round(time.time(), 3)
    return {"application": record}


def delete(params: Record) -> Record:
    record = find(params)
    if record["state"] == "STARTED":
        raise ApiError("ValidationException", "Application must be in CREATED or STOPPED state to be deleted")
    del _applications[record["applicationId"]]
    return {}


def _enter(state: str) -> Callable[[Record], Record]:
    def enter(params: Record) -> Record:
        find(params).update({"state": state, "updatedAt": round(time.time(), 3)})
        return {}

    return enter


def tag(params: Record) -> Record:
    find(params).setdefault("tags", {}).update(params["tags"])
    return {}


def untag(params: Record) -> Record:
    record = find(params)
    record["tags"] = {k: v for k, v in record.get("tags", {}).items() if k not in params["tagKeys"]}
    return {}


OPERATIONS: dict[str, Callable[[Record], Record]] = {
    "CreateApplication": create,
    "GetApplication": get,
    "ListApplications": list_,
    "UpdateApplication": update,
    "DeleteApplication": delete,
    "StartApplication": _enter("STARTED"),
    "StopApplication": _enter("STOPPED"),
    "ListTagsForResource": lambda params: {"tags": find(params).get("tags", {})},
    "TagResource": tag,
    "UntagResource": untag,
    "ListJobRuns": lambda params: {"jobRuns": []} if find(params) else {},
    "ListSessions": lambda params: {"sessions": []} if find(params) else {},
}


# ---------------------------------------------------------------- CloudFormation


def _request(properties: Record) -> Record:
    given: Record = provisioners._pascal_to_camel({k: v for k, v in properties.items() if k != "Tags"})
    return given | {"clientToken": secrets.token_hex(16)}


def _tags(properties: Record) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in properties.get("Tags") or []}


def _made(operation: str, params: Record) -> Record:
    try:
        return invoke(operation, params, get_account_id())
    except ApiError as error:
        raise ValueError(f"{error.message} (Service: EmrServerless, Error Code: {error.code})") from None


def _type_create(_logical_id: str, properties: Record, _stack: str) -> tuple[str, Record]:
    made = _made("CreateApplication", _request(properties) | {"tags": _tags(properties)})
    return made["applicationId"], {"Arn": made["arn"], "ApplicationId": made["applicationId"]}


def _type_update(physical_id: str, old: Record, new: Record, _stack: str) -> tuple[str, Record]:
    changed = {k: v for k, v in _request(new).items() if k in rest_json.members(SERVICE, "UpdateApplication")}
    if old != new:
        _made("UpdateApplication", changed | {"applicationId": physical_id})
        _applications[physical_id]["tags"] = _tags(new)
    return physical_id, {"Arn": _arn(physical_id), "ApplicationId": physical_id}


def _type_delete(physical_id: str, _properties: Record) -> None:
    # As AWS's handler, which stops none first: whoever deletes the stack has to.
    if physical_id in _applications:
        _made("DeleteApplication", {"applicationId": physical_id})
